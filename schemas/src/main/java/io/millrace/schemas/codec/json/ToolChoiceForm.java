package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.util.Set;

/**
 * Reads the choice of a function by its name as OpenAI's chat completions have it: {@code
 * {"type":"function","function":{"name":"f"}}}.
 */
final class ToolChoiceForm {
    static final String FIELD = "tool_choice";

    /** The choices that are no name. */
    private static final Set<String> WORDS = Set.of("auto", "none", "required");

    private static final int LONGEST_TYPE_IN_MESSAGE = 60;

    private final JsonPath path;
    private final JsonScalars scalars;

    ToolChoiceForm(JsonPath path, JsonScalars scalars) {
        this.path = path;
        this.scalars = scalars;
    }

    /** The function's name; the parser stands at the start of the object. */
    String read(JsonParser in) throws IOException, CodecException {
        String type = null;
        String name = null;
        path.enterObject();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String field = in.currentName();
            path.field(field);
            JsonToken token = in.nextToken();
            if (field.equals("type") && type == null) {
                type = scalars.readText(in, token);
                requireFunction(type);
            } else if (field.equals("function") && name == null) {
                scalars.expect(token == JsonToken.START_OBJECT, "an object", in, token);
                name = readName(in);
            } else {
                throw tooMuch("type", "function");
            }
        }
        path.field(type == null ? "type" : "function");
        if (type == null || name == null) {
            throw path.refused("field " + path + " is missing");
        }
        path.leave();
        return name;
    }

    private void requireFunction(String type) throws CodecException {
        if (!type.equals("function")) {
            throw path.refused(
                    FailureCode.UNSUPPORTED,
                    "field "
                            + path
                            + " is "
                            + Text.brief(type, LONGEST_TYPE_IN_MESSAGE)
                            + ": this release has the choice of one function");
        }
    }

    private String readName(JsonParser in) throws IOException, CodecException {
        String name = null;
        path.enterObject();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            path.field(in.currentName());
            JsonToken token = in.nextToken();
            if (!in.currentName().equals("name") || name != null) {
                throw tooMuch("name", "name");
            }
            name = scalars.readText(in, token);
        }
        path.field("name");
        if (name == null) {
            throw path.refused("field " + path + " is missing");
        }
        if (WORDS.contains(name)) {
            throw path.refused(
                    FailureCode.UNSUPPORTED,
                    "field "
                            + path
                            + " is "
                            + name
                            + ", which is a choice of another kind: give"
                            + " the function another name");
        }
        path.leave();
        return name;
    }

    private CodecException tooMuch(String known, String other) {
        String field = path.toString();
        boolean twice = field.endsWith("." + known) || field.endsWith("." + other);
        return twice
                ? path.refused("field " + field + " stands twice: keep one")
                : path.refused(
                        FailureCode.UNKNOWN_FIELD,
                        "unknown field "
                                + field
                                + ": remove it (there is type, and function with"
                                + " a name)");
    }
}
