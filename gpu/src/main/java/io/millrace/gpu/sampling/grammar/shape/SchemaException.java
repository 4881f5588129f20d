package io.millrace.gpu.sampling.grammar.shape;

/** A schema that is wrong or that is not supported, by keyword and place. */
public final class SchemaException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int LONGEST_REASON = 400;

    private final String keyword;
    private final String pointer;
    private final String reason;

    public SchemaException(String keyword, String pointer, String reason) {
        super(
                "The JSON schema's %s at %s is not supported: %s"
                        .formatted(
                                "'" + keyword + "'",
                                pointer.isEmpty() ? "its root" : pointer,
                                reason.length() <= LONGEST_REASON
                                        ? reason
                                        : reason.substring(0, LONGEST_REASON) + "..."));
        this.keyword = keyword;
        this.pointer = pointer;
        this.reason = reason;
    }

    /** The same, by another place. */
    public SchemaException at(String place) {
        return new SchemaException(keyword, place, reason);
    }

    public String keyword() {
        return keyword;
    }

    /** Where the keyword stands, as a JSON pointer to the schema that has it. */
    public String pointer() {
        return pointer;
    }
}
