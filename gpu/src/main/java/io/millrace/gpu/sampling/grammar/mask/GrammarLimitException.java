package io.millrace.gpu.sampling.grammar.mask;

/** A state of a grammar exceeds a limit, so that its text cannot be continued. */
public final class GrammarLimitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GrammarLimitException(String message) {
        super(message);
    }

    GrammarLimitException(RuntimeException cause) {
        super(cause.getMessage(), cause);
    }
}
