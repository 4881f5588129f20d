package io.millrace.gpu.sampling.grammar.mask;

/** A text led to a place where its grammar is beyond a limit: it cannot be followed further. */
public final class GrammarLimitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GrammarLimitException(String message) {
        super(message);
    }

    GrammarLimitException(RuntimeException cause) {
        super(cause.getMessage(), cause);
    }
}
