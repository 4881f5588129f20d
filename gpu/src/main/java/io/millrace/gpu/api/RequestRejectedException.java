package io.millrace.gpu.api;

/**
 * A request that this engine can never answer. The message names the value and the remedy; the
 * engine is not affected.
 */
public final class RequestRejectedException extends Exception {
    private static final long serialVersionUID = 1L;

    /** The reason of a rejection. */
    public enum Reason {
        EMPTY_PROMPT,
        PROMPT_TOO_LONG,
        INVALID_PARAMETER,
        /** What this model or this release cannot do. */
        UNSUPPORTED
    }

    private final Reason reason;

    public RequestRejectedException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
