package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the constraint of a request where it is written as other APIs have it: {@code
 * response_format} as OpenAI's chat completions, {@code structured_outputs} as vLLM. A schema that
 * is JSON, not text, is kept as the text that it was written as.
 */
final class ConstraintForms {
    /** The field that they mean. */
    static final String FIELD = "constraint";

    private static final String RESPONSE_FORMAT = "response_format";
    private static final String STRUCTURED_OUTPUTS = "structured_outputs";
    private static final String ANY_OBJECT = "{\"type\":\"object\"}";
    private static final int LONGEST_TYPE_IN_MESSAGE = 60;

    private final JsonText text;
    private final JsonPath path;
    private final JsonScalars scalars;

    ConstraintForms(JsonText text, JsonPath path, JsonScalars scalars) {
        this.text = text;
        this.path = path;
        this.scalars = scalars;
    }

    /** Whether a top field of that name is a constraint in another form. */
    static boolean isForm(String name) {
        return name.equals(RESPONSE_FORMAT) || name.equals(STRUCTURED_OUTPUTS);
    }

    /** The constraint that such a field is, of which the parser stands at the value; or null. */
    Constraint read(JsonParser in, JsonToken token) throws IOException, CodecException {
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        scalars.expect(token == JsonToken.START_OBJECT, "an object", in, token);
        String name = path.top();
        path.enterObject();
        Constraint constraint =
                name.equals(RESPONSE_FORMAT) ? readResponseFormat(in) : readStructuredOutputs(in);
        path.leave();
        return constraint;
    }

    private Constraint readResponseFormat(JsonParser in) throws IOException, CodecException {
        String type = null;
        String schema = null;
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            path.field(name);
            JsonToken token = in.nextToken();
            if (name.equals("type") && type == null) {
                type = scalars.readText(in, token);
            } else if (name.equals("json_schema") && schema == null) {
                scalars.expect(token == JsonToken.START_OBJECT, "an object", in, token);
                schema = readNamedSchema(in);
            } else {
                throw tooMuch(name, "type", "json_schema");
            }
        }
        path.field("type");
        if (type == null) {
            throw path.refused(
                    "field " + path + " is missing: write json_schema, json_object or text");
        }
        return ofType(type, schema);
    }

    private Constraint ofType(String type, String schema) throws CodecException {
        boolean needed = type.equals("json_schema");
        if (!needed && !type.equals("json_object") && !type.equals("text")) {
            throw path.refused(
                    FailureCode.UNSUPPORTED,
                    "field "
                            + path
                            + " is "
                            + Text.brief(type, LONGEST_TYPE_IN_MESSAGE)
                            + ": this release has json_schema, json_object and text");
        }
        path.field("json_schema");
        if (needed != (schema != null)) {
            throw path.refused(
                    "field "
                            + path
                            + (needed
                                    ? " is missing: write the schema there"
                                    : " stands beside the type " + type + ": leave one out"));
        }
        return type.equals("text")
                ? null
                : new Constraint(null, null, needed ? schema : ANY_OBJECT);
    }

    /** What json_schema of response_format is: a schema with a name. */
    private String readNamedSchema(JsonParser in) throws IOException, CodecException {
        String schema = null;
        path.enterObject();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            path.field(name);
            JsonToken token = in.nextToken();
            switch (name) {
                case "schema" -> {
                    once(schema);
                    schema = readSchema(in, token);
                }
                // The answer is valid whatever these say.
                case "name", "description", "strict" -> in.skipChildren();
                default -> throw tooMuch(name, "schema", "name, description, strict");
            }
        }
        path.field("schema");
        if (schema == null) {
            throw path.refused("field " + path + " is missing");
        }
        path.leave();
        return schema;
    }

    private Constraint readStructuredOutputs(JsonParser in) throws IOException, CodecException {
        Constraint constraint = new Constraint(null, null, null);
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            path.field(name);
            JsonToken token = in.nextToken();
            if (token == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "json" -> set(constraint, readSchema(in, token));
                case "json_object" -> {
                    if (scalars.readBoolean(in, token)) {
                        set(constraint, ANY_OBJECT);
                    }
                }
                case "regex" -> {
                    once(constraint.getRegex());
                    constraint.setRegex(scalars.readText(in, token));
                }
                case "choice" -> {
                    once(constraint.getChoice());
                    constraint.setChoice(readTexts(in, token));
                }
                default ->
                        throw path.refused(
                                FailureCode.UNSUPPORTED,
                                "field "
                                        + path
                                        + " is set: this release has json, json_object, regex and"
                                        + " choice");
            }
        }
        boolean none =
                constraint.getChoice() == null
                        && constraint.getRegex() == null
                        && constraint.getJsonSchema() == null;
        return none ? null : constraint;
    }

    private void set(Constraint constraint, String schema) throws CodecException {
        if (constraint.getJsonSchema() != null) {
            throw path.refused("field " + path + " stands beside another schema: keep one");
        }
        constraint.setJsonSchema(schema);
    }

    /** Refuses a field that has a value already. */
    private void once(Object before) throws CodecException {
        if (before != null) {
            throw path.refused("field " + path + " stands twice: keep one");
        }
    }

    private List<String> readTexts(JsonParser in, JsonToken token)
            throws IOException, CodecException {
        scalars.expect(token == JsonToken.START_ARRAY, "an array", in, token);
        List<String> texts = new ArrayList<>();
        path.enterArray();
        for (JsonToken item = in.nextToken(); item != JsonToken.END_ARRAY; item = in.nextToken()) {
            path.item(texts.size());
            texts.add(scalars.readText(in, item));
        }
        path.leave();
        return texts;
    }

    /** The text of a schema: JSON in a text, or an object, array or boolean as it stands. */
    String readSchema(JsonParser in, JsonToken token) throws IOException, CodecException {
        boolean array = token == JsonToken.START_ARRAY && path.isJsonArrayText();
        if (token != JsonToken.START_OBJECT && !token.isBoolean() && !array) {
            return scalars.readText(in, token);
        }
        long from = in.currentTokenLocation().getCharOffset();
        in.skipChildren();
        return text.part(from, in.currentLocation().getCharOffset());
    }

    private CodecException tooMuch(String name, String known, String more) {
        boolean twice = name.equals(known) || name.equals(more);
        return twice
                ? path.refused("field " + path + " stands twice: keep one")
                : path.refused(
                        FailureCode.UNKNOWN_FIELD,
                        "unknown field "
                                + path
                                + ": remove it (there are "
                                + known
                                + ", "
                                + more
                                + ")");
    }
}
