package io.millrace.gpu.sampling.grammar;

/** A constraint that is wrong, that is not supported, or that is beyond a limit. */
public final class GrammarException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String keyword;

    GrammarException(String message, String keyword, Throwable cause) {
        super(message, cause);
        this.keyword = keyword;
    }

    /** What is refused: a schema's keyword, {@code regex} or {@code choice}. */
    public String keyword() {
        return keyword;
    }
}
