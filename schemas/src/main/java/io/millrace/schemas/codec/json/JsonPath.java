package io.millrace.schemas.codec.json;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;

/** Where a reader is in a record, level by level: a field of an object, or an item of an array. */
final class JsonPath {

    private static final int LONGEST_NAME_IN_MESSAGE = 60;

    private final JsonText text;

    // A level has a name, or an index where the name is null.
    private final String[] names = new String[JsonText.DEEPEST + 2];
    private final int[] indexes = new int[JsonText.DEEPEST + 2];
    private int depth;

    JsonPath(JsonText text) {
        this.text = text;
    }

    /** Enters an object. */
    void enterObject() {
        depth++;
    }

    /** Enters an array. */
    void enterArray() {
        names[depth++] = null;
    }

    /** Leaves the innermost object or array. */
    void leave() {
        depth--;
    }

    /** How many objects and arrays the reader is in. */
    int depth() {
        return depth;
    }

    /** Leaves what is deeper than this. */
    void leaveTo(int outer) {
        depth = outer;
    }

    /** Goes to a field of the innermost object. */
    void field(String name) {
        names[depth - 1] = name;
    }

    /** Goes to an item of the innermost array. */
    void item(int index) {
        indexes[depth - 1] = index;
    }

    /** Name of the top field that this is in. */
    String top() {
        return names[0];
    }

    /** Whether this is the top field of that name. */
    boolean isTop(String name) {
        return depth == 1 && name.equals(names[0]);
    }

    /** Whether this is the content of a chat message. */
    boolean isContent() {
        return isOfMessage("content");
    }

    /** Whether this is that field of a chat message. */
    private boolean isOfMessage(String field) {
        return depth == 3
                && "messages".equals(names[0])
                && names[1] == null
                && field.equals(names[2]);
    }

    /** Whether this is the JSON schema of a constraint. */
    boolean isSchema() {
        return depth == 2
                && ConstraintForms.FIELD.equals(names[0])
                && "json_schema".equals(names[1]);
    }

    /** Whether this is a text that is itself JSON, and may be written as that JSON. */
    boolean isJsonText() {
        return isSchema() || isTop("chat_template_kwargs") || isJsonArrayText();
    }

    /** Whether this is a text that is itself a JSON array, and may be written as that. */
    boolean isJsonArrayText() {
        return isTop("tools") || isOfMessage("tool_calls");
    }

    /** A refusal of the record. */
    CodecException refused(String message) {
        return text.refused(FailureCode.UNREADABLE, message);
    }

    /** A refusal of the record for a reason of its own. */
    CodecException refused(FailureCode code, String message) {
        return text.refused(code, message);
    }

    /** As {@code messages[0].content}. */
    @Override
    public String toString() {
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < depth; i++) {
            if (names[i] == null) {
                path.append('[').append(indexes[i]).append(']');
            } else {
                path.append(i == 0 ? "" : ".")
                        .append(Text.brief(names[i], LONGEST_NAME_IN_MESSAGE));
            }
        }
        return path.toString();
    }
}
