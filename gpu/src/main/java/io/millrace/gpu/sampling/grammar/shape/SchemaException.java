package io.millrace.gpu.sampling.grammar.shape;

/** A schema is invalid or not supported; names the keyword and its location. */
public final class SchemaException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int MAX_REASON = 400;

    private final String keyword;
    private final String pointer;
    private final String reason;

    public SchemaException(String keyword, String pointer, String reason) {
        super(
                "The JSON schema's %s at %s is not supported: %s"
                        .formatted(
                                "'" + keyword + "'",
                                pointer.isEmpty() ? "its root" : pointer,
                                reason.length() <= MAX_REASON
                                        ? reason
                                        : reason.substring(0, MAX_REASON) + "..."));
        this.keyword = keyword;
        this.pointer = pointer;
        this.reason = reason;
    }

    /** The same exception with another location, as a JSON pointer. */
    public SchemaException at(String location) {
        return new SchemaException(keyword, location, reason);
    }

    public String keyword() {
        return keyword;
    }

    /** JSON pointer to the schema with the keyword. */
    public String pointer() {
        return pointer;
    }
}
