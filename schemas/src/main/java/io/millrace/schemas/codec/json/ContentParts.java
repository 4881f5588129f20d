package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.util.StringJoiner;

/**
 * Reads the content of a chat message in several parts, of which all must be text: one a line, as
 * vLLM joins them.
 */
final class ContentParts {

    private static final int LONGEST_TYPE_IN_MESSAGE = 60;

    private final JsonPath path;
    private final JsonScalars scalars;

    ContentParts(JsonPath path, JsonScalars scalars) {
        this.path = path;
        this.scalars = scalars;
    }

    /** The content that an array is; the parser stands at its start. */
    String read(JsonParser in) throws IOException, CodecException {
        StringJoiner content = new StringJoiner("\n");
        int parts = 0;
        path.enterArray();
        for (JsonToken token = in.nextToken();
                token != JsonToken.END_ARRAY;
                token = in.nextToken()) {
            path.item(parts++);
            scalars.expect(token == JsonToken.START_OBJECT, "an object", in, token);
            content.add(readPart(in));
        }
        path.leave();
        return content.toString();
    }

    private String readPart(JsonParser in) throws IOException, CodecException {
        String type = null;
        String text = null;
        String other = null;
        path.enterObject();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            path.field(name);
            JsonToken token = in.nextToken();
            if (name.equals("type") && type == null) {
                type = scalars.readText(in, token);
            } else if (name.equals("text") && text == null) {
                text = scalars.readText(in, token);
            } else {
                other = other == null ? name : other;
                in.skipChildren();
            }
        }
        requireText(type);
        if (other != null) {
            throw tooMuch(other);
        }
        path.field("text");
        if (text == null) {
            throw path.refused("field " + path + " is missing");
        }
        path.leave();
        return text;
    }

    private void requireText(String type) throws CodecException {
        path.field("type");
        if (type == null) {
            throw path.refused("field " + path + " is missing: write \"type\":\"text\"");
        }
        if (!type.equals("text")) {
            throw path.refused(
                    FailureCode.UNSUPPORTED,
                    "field "
                            + path
                            + " is "
                            + Text.brief(type, LONGEST_TYPE_IN_MESSAGE)
                            + ": models here read text only, leave this part out");
        }
    }

    private CodecException tooMuch(String field) {
        path.field(field);
        boolean twice = field.equals("type") || field.equals("text");
        return twice
                ? path.refused("field " + path + " stands twice: keep one")
                : path.refused(
                        FailureCode.UNKNOWN_FIELD,
                        "unknown field " + path + ": remove it (a part has type and text)");
    }
}
