package io.millrace.gpu.sampling.grammar;

/** A constraint is invalid, not supported, or exceeds a limit. */
public final class GrammarException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String keyword;

    GrammarException(String message, String keyword, Throwable cause) {
        super(message, cause);
        this.keyword = keyword;
    }

    /** The refused part: a schema's keyword, {@code regex} or {@code choice}. */
    public String keyword() {
        return keyword;
    }
}
