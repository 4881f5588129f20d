package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.OtherFormat;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads any JSON object, and names the exact fault of bytes that are none. */
public final class JsonTree {
    /** Objects and arrays within each other; templates walk them recursively. */
    public static final int DEEPEST = 200;

    private final JsonText text;
    private final JsonPath path;

    private JsonTree(JsonText text) {
        this.text = text;
        this.path = new JsonPath(text);
    }

    /**
     * Reads one object, all of the bytes: strings, booleans, null, lists, maps in the order of the
     * text, whole numbers as {@code Integer}, {@code Long} or {@code BigInteger}, others as {@code
     * BigDecimal}. Memory is proportional to the bytes.
     *
     * @param schemaId value of the header that names a schema, or null; for messages
     * @throws CodecException not UTF-8, not JSON, no object, a field twice, nested too deep
     */
    public static Map<String, Object> read(byte[] bytes, byte[] schemaId) throws CodecException {
        String other = OtherFormat.of(bytes, schemaId, WireFormat.JSON);
        if (other != null) {
            throw new CodecException(FailureCode.UNREADABLE, "not JSON, but " + other, null);
        }
        JsonText text = JsonText.of(bytes);
        if (text == null) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not JSON: byte " + Text.firstInvalid(bytes) + " is not valid UTF-8",
                    null);
        }
        return new JsonTree(text).read();
    }

    private Map<String, Object> read() throws CodecException {
        try (JsonParser in = text.parser()) {
            return read(in);
        } catch (IOException e) {
            throw path.refused("not valid JSON: " + e.getMessage());
        }
    }

    private Map<String, Object> read(JsonParser in) throws IOException, CodecException {
        try {
            JsonToken first = in.nextToken();
            if (first != JsonToken.START_OBJECT) {
                throw path.refused(
                        first == null
                                ? "the record is empty: an event is a JSON object"
                                : "an event is a JSON object, not " + JsonScalars.describe(first));
            }
            Map<String, Object> object = object(in);
            if (in.nextToken() != null) {
                throw path.refused("there is more after the JSON object: write one event a record");
            }
            return object;
        } catch (JsonProcessingException e) {
            throw text.refused(in, e);
        }
    }

    private Map<String, Object> object(JsonParser in) throws IOException, CodecException {
        Map<String, Object> object = new LinkedHashMap<>();
        path.enterObject();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            path.field(name);
            if (object.containsKey(name)) {
                throw path.refused("field " + path + " stands twice: keep one");
            }
            object.put(name, value(in, in.nextToken()));
        }
        path.leave();
        return object;
    }

    private List<Object> array(JsonParser in) throws IOException, CodecException {
        List<Object> array = new ArrayList<>();
        path.enterArray();
        for (JsonToken token = in.nextToken();
                token != JsonToken.END_ARRAY;
                token = in.nextToken()) {
            path.item(array.size());
            array.add(value(in, token));
        }
        path.leave();
        return array;
    }

    private Object value(JsonParser in, JsonToken token) throws IOException, CodecException {
        return switch (token) {
            case VALUE_STRING -> in.getText();
            case VALUE_NUMBER_INT -> in.getNumberValue();
            case VALUE_NUMBER_FLOAT -> number(in);
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case START_OBJECT, START_ARRAY -> {
                if (path.depth() == DEEPEST) {
                    throw path.refused(
                            "objects and arrays nest more than " + DEEPEST + " deep: flatten them");
                }
                yield token == JsonToken.START_OBJECT ? object(in) : array(in);
            }
            default -> throw path.refused("field " + path + " is no JSON value");
        };
    }

    private Object number(JsonParser in) throws IOException, CodecException {
        if (in.isNaN()) {
            throw path.refused("field " + path + " is " + in.getText() + ", which is no JSON");
        }
        return in.getDecimalValue();
    }
}
