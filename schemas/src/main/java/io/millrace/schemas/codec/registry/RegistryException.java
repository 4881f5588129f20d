package io.millrace.schemas.codec.registry;

/** A schema registry that does not do its work: the records are not to blame. */
public final class RegistryException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final boolean refusal;

    RegistryException(String message, Throwable cause) {
        this(message, cause, false);
    }

    RegistryException(String message, Throwable cause, boolean refusal) {
        super(message, cause);
        this.refusal = refusal;
    }

    /** Whether the registry works, but does not take the schema: it is invalid, or incompatible. */
    public boolean isRefusal() {
        return refusal;
    }
}
