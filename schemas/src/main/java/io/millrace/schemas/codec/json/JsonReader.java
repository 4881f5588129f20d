package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.Draft;
import io.millrace.schemas.codec.record.Ids;
import io.millrace.schemas.codec.record.OtherFormat;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.text.NearestName;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Reads one record from JSON by its Avro schema, and says exactly what is wrong with what is not
 * one.
 */
public final class JsonReader {

    /** The contract nests five deep; a recursive reader must not be led to the stack's end. */
    private static final int DEEPEST = 32;

    private static final int LONGEST_VALUE_IN_MESSAGE = 60;

    private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,30}(\\.[0-9]{1,30})?");

    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNestingDepth(DEEPEST)
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .build())
                    // NaN is refused below, where the field's name is known.
                    .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                    // Names come from strangers: keep them out of any table that outlives a record.
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .build();

    private final byte[] bytes;
    private final byte[] schemaId;
    private final boolean strict;
    private String json;

    // All faults, where all are asked for; else null, and the first one is thrown.
    private List<CodecException> faults;
    private Set<String> unread;
    private boolean hopeless;

    /** Whether characters are written as numbers: strict UTF-8 has no half of a surrogate pair. */
    private boolean numbered;

    // Where the reader is, for messages: a name, or an index where the name is null.
    private final String[] names = new String[DEEPEST + 2];
    private final int[] indexes = new int[DEEPEST + 2];
    private int depth;

    /**
     * @param schemaId what a header of the record says of its schema, or null
     * @param strict whether a field that the schema does not have is refused
     */
    public JsonReader(byte[] bytes, byte[] schemaId, boolean strict) {
        this.bytes = bytes;
        this.schemaId = schemaId;
        this.strict = strict;
    }

    /** Reads the record that the bytes are, all of them. */
    public IndexedRecord read(RecordType<?> type) throws CodecException {
        json = Text.decode(bytes, 0, bytes.length);
        String other = strict ? OtherFormat.of(bytes, schemaId, WireFormat.JSON) : null;
        if (other != null) {
            throw new CodecException(FailureCode.UNREADABLE, "not JSON, but " + other, null);
        }
        if (json == null) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not JSON: byte " + Text.firstInvalid(bytes) + " is not valid UTF-8",
                    null);
        }
        if (json.startsWith("\uFEFF")) {
            json = json.substring(1);
        }
        numbered = json.contains("\\u");
        // Of one array, so that a long text is not gathered piece by piece.
        try (JsonParser in = FACTORY.createParser(json.toCharArray())) {
            return readAll(in, type);
        } catch (IOException e) {
            throw refused("not valid JSON: " + e.getMessage());
        }
    }

    /** Reads as much as can be read, past all that is wrong. */
    public <T extends SpecificRecordBase> Draft<T> draft(RecordType<T> type) {
        faults = new ArrayList<>();
        unread = new HashSet<>();
        T record = null;
        try {
            record = type.cast(read(type));
            if (!unread.contains("id")) {
                Ids.require(type, record);
            }
        } catch (CodecException e) {
            faults.add(e);
            if (e.code() == FailureCode.MISSING_ID) {
                unread.add("id");
            }
        }
        return new Draft<>(record, faults, unread);
    }

    /** The record of a parser that stands before it, and nothing behind it. */
    private IndexedRecord readAll(JsonParser in, RecordType<?> type)
            throws IOException, CodecException {
        try {
            JsonToken first = in.nextToken();
            if (first != JsonToken.START_OBJECT) {
                throw refused(
                        first == null
                                ? "the record is empty: a " + type + " is a JSON object"
                                : "a " + type + " is a JSON object, not " + describe(first));
            }
            IndexedRecord record = readRecord(in, type.schema());
            if (in.nextToken() != null) {
                throw refused("there is more after the JSON object: write one object a record");
            }
            return record;
        } catch (JsonProcessingException e) {
            throw refused(JsonFault.describe(json, in, e));
        }
    }

    private IndexedRecord readRecord(JsonParser in, Schema schema)
            throws IOException, CodecException {
        List<Schema.Field> fields = schema.getFields();
        boolean[] seen = new boolean[fields.size()];
        IndexedRecord record = (IndexedRecord) RecordType.DATA.newRecord(null, schema);
        JsonStreamContext object = in.getParsingContext();
        int here = ++depth;
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            names[depth - 1] = in.currentName();
            try {
                readField(in, schema, record, seen);
            } catch (CodecException e) {
                collect(e, here);
                while (in.getParsingContext() != object) {
                    in.nextToken();
                }
            }
        }
        for (Schema.Field field : fields) {
            if (!seen[field.pos()]) {
                names[depth - 1] = field.name();
                try {
                    record.put(field.pos(), missing(field));
                } catch (CodecException e) {
                    collect(e, here);
                }
            }
        }
        depth--;
        return record;
    }

    private void readField(JsonParser in, Schema schema, IndexedRecord record, boolean[] seen)
            throws IOException, CodecException {
        String name = in.currentName();
        boolean base64 = false;
        Schema.Field field = schema.getField(name);
        if (field == null && name.endsWith(JsonWriter.BASE64_SUFFIX)) {
            int bare = name.length() - JsonWriter.BASE64_SUFFIX.length();
            field = schema.getField(name.substring(0, bare));
            base64 = field != null && field.schema().getType() == Schema.Type.BYTES;
            field = base64 ? field : null;
        }
        JsonToken token = in.nextToken();
        if (field == null) {
            skipUnknown(in, schema, name);
            return;
        }
        if (seen[field.pos()]) {
            throw refused("field " + path() + " stands twice: keep one");
        }
        seen[field.pos()] = true;
        record.put(
                field.pos(), base64 ? readBase64(in, token) : readValue(in, token, field.schema()));
    }

    /** Keeps a fault of a field of the object that is so deep, or throws it. */
    private void collect(CodecException fault, int here) throws CodecException {
        if (faults == null || hopeless) {
            throw fault;
        }
        faults.add(fault);
        unread.add(names[0]);
        depth = here;
    }

    private void skipUnknown(JsonParser in, Schema schema, String name)
            throws IOException, CodecException {
        if (!strict) {
            in.skipChildren();
            return;
        }
        if (depth == 1) {
            String envelope = Envelope.of(fieldNames());
            if (envelope != null) {
                // All its fields are of something else: one sentence says it.
                hopeless = true;
                throw refused(FailureCode.UNKNOWN_FIELD, "the record is " + envelope);
            }
            String instead = Envelope.instead(name);
            if (instead != null) {
                throw refused(FailureCode.UNKNOWN_FIELD, "unknown field " + name + ": " + instead);
            }
        }
        String nearest =
                NearestName.of(name, schema.getFields().stream().map(Schema.Field::name).toList());
        if (nearest == null) {
            throw refused(
                    FailureCode.UNKNOWN_FIELD,
                    "unknown field " + path() + ": remove it (put data of your own in metadata)");
        }
        String given = path();
        names[depth - 1] = nearest;
        throw refused(
                FailureCode.UNKNOWN_FIELD,
                "unknown field " + given + ": did you mean " + path() + "?");
    }

    private Object missing(Schema.Field field) throws CodecException {
        if (field.hasDefaultValue()) {
            return RecordType.DATA.getDefaultValue(field);
        }
        if (strict && depth == 1 && field.name().equals("id")) {
            throw refused(FailureCode.MISSING_ID, "field id is missing: " + Ids.REMEDY);
        }
        throw refused("field " + path() + " is missing");
    }

    private Object readValue(JsonParser in, JsonToken token, Schema schema)
            throws IOException, CodecException {
        return switch (schema.getType()) {
            case UNION -> {
                Schema some = schema.getTypes().get(1);
                yield token == JsonToken.VALUE_NULL ? null : readValue(in, token, some);
            }
            case RECORD -> {
                expect(token == JsonToken.START_OBJECT, "an object", in, token);
                yield readRecord(in, schema);
            }
            case ARRAY -> {
                boolean stop = strict && depth == 1 && "stop".equals(names[0]);
                if (stop && token == JsonToken.VALUE_STRING) {
                    // One stop string, as everybody's chat API has it.
                    yield List.of(readText(in, token));
                }
                String wanted = stop ? "text or an array of texts" : "an array";
                expect(token == JsonToken.START_ARRAY, wanted, in, token);
                yield readArray(in, schema.getElementType());
            }
            case MAP -> {
                expect(token == JsonToken.START_OBJECT, "an object", in, token);
                yield readMap(in, schema.getValueType());
            }
            case STRING ->
                    token == JsonToken.START_ARRAY && isContent()
                            ? readParts(in)
                            : readText(in, token);
            case BYTES -> ByteBuffer.wrap(readText(in, token).getBytes(StandardCharsets.UTF_8));
            case BOOLEAN -> {
                expect(token.isBoolean(), "true or false", in, token);
                yield in.getBooleanValue();
            }
            case INT -> (int) whole(in, token, Integer.MIN_VALUE, Integer.MAX_VALUE);
            case LONG -> whole(in, token, Long.MIN_VALUE, Long.MAX_VALUE);
            case FLOAT -> readFloat(in, token);
            case DOUBLE -> {
                expect(token.isNumeric(), "a number", in, token);
                yield finite(in, number(in));
            }
            default -> throw new IllegalStateException("no JSON form of " + schema);
        };
    }

    private String readText(JsonParser in, JsonToken token) throws IOException, CodecException {
        if (token.isNumeric() && depth == 1 && "id".equals(names[0])) {
            throw refused(
                    FailureCode.INVALID_PARAMETER,
                    "field id must be text, not a number: write \"id\":\"" + shown(in) + "\"");
        }
        if (token == JsonToken.VALUE_NULL && depth == 1 && "id".equals(names[0]) && strict) {
            throw refused(FailureCode.MISSING_ID, "field id is null: " + Ids.REMEDY);
        }
        expect(token == JsonToken.VALUE_STRING, "text", in, token);
        return wellFormed(in.getText());
    }

    /** Whether the reader is at the content of a chat message. */
    private boolean isContent() {
        return strict
                && depth == 3
                && "messages".equals(names[0])
                && names[1] == null
                && "content".equals(names[2]);
    }

    /** A content of several parts, of which all must be text: one a line, as vLLM joins them. */
    private String readParts(JsonParser in) throws IOException, CodecException {
        StringJoiner content = new StringJoiner("\n");
        int parts = 0;
        names[depth++] = null;
        for (JsonToken token = in.nextToken();
                token != JsonToken.END_ARRAY;
                token = in.nextToken()) {
            indexes[depth - 1] = parts++;
            expect(token == JsonToken.START_OBJECT, "an object", in, token);
            content.add(readPart(in));
        }
        depth--;
        return content.toString();
    }

    private String readPart(JsonParser in) throws IOException, CodecException {
        String type = null;
        String text = null;
        String other = null;
        depth++;
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            names[depth - 1] = name;
            JsonToken token = in.nextToken();
            if (name.equals("type") && type == null) {
                type = readText(in, token);
            } else if (name.equals("text") && text == null) {
                text = readText(in, token);
            } else {
                other = other == null ? name : other;
                in.skipChildren();
            }
        }
        names[depth - 1] = "type";
        if (type == null || !type.equals("text")) {
            throw refused(
                    type == null ? FailureCode.UNREADABLE : FailureCode.UNSUPPORTED,
                    "field "
                            + path()
                            + (type == null
                                    ? " is missing: write \"type\":\"text\""
                                    : " is "
                                            + Text.brief(type, LONGEST_VALUE_IN_MESSAGE)
                                            + ": models here read text only, leave this part out"));
        }
        names[depth - 1] = other != null ? other : "text";
        if (other != null) {
            boolean twice = other.equals("type") || other.equals("text");
            throw twice
                    ? refused("field " + path() + " stands twice: keep one")
                    : refused(
                            FailureCode.UNKNOWN_FIELD,
                            "unknown field " + path() + ": remove it (a part has type and text)");
        }
        if (text == null) {
            throw refused("field " + path() + " is missing");
        }
        depth--;
        return text;
    }

    /** Half a surrogate pair has no UTF-8 form: it could be read but never written again. */
    private String wellFormed(String text) throws CodecException {
        int lone = numbered ? Text.firstLoneSurrogate(text) : -1;
        if (lone >= 0) {
            throw refused(
                    "field "
                            + path()
                            + " has half of a surrogate pair (\\u"
                            + Integer.toHexString(text.charAt(lone))
                            + ") at character "
                            + lone);
        }
        return text;
    }

    private List<Object> readArray(JsonParser in, Schema items) throws IOException, CodecException {
        List<Object> list = new ArrayList<>();
        names[depth++] = null;
        for (JsonToken token = in.nextToken();
                token != JsonToken.END_ARRAY;
                token = in.nextToken()) {
            indexes[depth - 1] = list.size();
            list.add(readValue(in, token, items));
        }
        depth--;
        return list;
    }

    private Map<String, Object> readMap(JsonParser in, Schema values)
            throws IOException, CodecException {
        Map<String, Object> map = new HashMap<>();
        depth++;
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            names[depth - 1] = name;
            wellFormed(name);
            if (map.put(name, readValue(in, in.nextToken(), values)) != null) {
                throw refused("field " + path() + " stands twice: keep one");
            }
        }
        depth--;
        return map;
    }

    private ByteBuffer readBase64(JsonParser in, JsonToken token)
            throws IOException, CodecException {
        try {
            return ByteBuffer.wrap(Base64.getDecoder().decode(readText(in, token)));
        } catch (IllegalArgumentException e) {
            throw refused("field " + path() + " is not base64: " + e.getMessage());
        }
    }

    /** Only results have floats: log probabilities, which the writer may have to quote. */
    private Float readFloat(JsonParser in, JsonToken token) throws IOException, CodecException {
        if (token == JsonToken.VALUE_STRING) {
            switch (in.getText()) {
                case "NaN":
                    return Float.NaN;
                case "Infinity":
                    return Float.POSITIVE_INFINITY;
                case "-Infinity":
                    return Float.NEGATIVE_INFINITY;
                default:
            }
        }
        expect(token.isNumeric(), "a number", in, token);
        finite(in, number(in));
        // Not by way of a double: rounding twice is not rounding once.
        return Float.parseFloat(in.getText());
    }

    private static double number(JsonParser in) throws IOException {
        return in.isNaN() ? Double.NaN : Double.parseDouble(in.getText());
    }

    private Double finite(JsonParser in, double number) throws IOException, CodecException {
        if (!Double.isFinite(number)) {
            throw refused(
                    FailureCode.INVALID_PARAMETER,
                    "field " + path() + " is " + shown(in) + ", which is not a finite number");
        }
        return number;
    }

    /** A whole number; 4.0 is one, since some programs write all their numbers so. */
    private long whole(JsonParser in, JsonToken token, long least, long most)
            throws IOException, CodecException {
        expect(token.isNumeric(), "a whole number", in, token);
        finite(in, number(in));
        BigDecimal number = new BigDecimal(in.getText()).stripTrailingZeros();
        if (number.scale() > 0) {
            throw refused(
                    FailureCode.INVALID_PARAMETER,
                    "field " + path() + " must be a whole number, not " + shown(in));
        }
        // Finite, so it has at most 309 digits.
        BigInteger whole = number.toBigInteger();
        if (whole.bitLength() >= Long.SIZE
                || whole.longValue() < least
                || whole.longValue() > most) {
            throw refused(
                    FailureCode.INVALID_PARAMETER,
                    "field " + path() + " is " + shown(in) + ", outside " + least + " to " + most);
        }
        return whole.longValue();
    }

    private void expect(boolean met, String wanted, JsonParser in, JsonToken token)
            throws IOException, CodecException {
        if (!met) {
            String given = token.isNumeric() ? "the number " + shown(in) : describe(token);
            boolean quoted =
                    wanted.endsWith("number")
                            && token == JsonToken.VALUE_STRING
                            && NUMBER.matcher(in.getText()).matches();
            throw refused(
                    FailureCode.INVALID_PARAMETER,
                    "field "
                            + path()
                            + " must be "
                            + wanted
                            + ", not "
                            + given
                            + (quoted ? ": write " + shown(in) + " without quotes" : ""));
        }
    }

    private static String shown(JsonParser in) throws IOException {
        return Text.brief(in.getText(), LONGEST_VALUE_IN_MESSAGE);
    }

    private static String describe(JsonToken token) {
        return switch (token) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "text";
            case VALUE_NULL -> "null";
            case VALUE_TRUE -> "true";
            case VALUE_FALSE -> "false";
            default -> "a number";
        };
    }

    private String path() {
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < depth; i++) {
            if (names[i] == null) {
                path.append('[').append(indexes[i]).append(']');
            } else {
                path.append(i == 0 ? "" : ".")
                        .append(Text.brief(names[i], LONGEST_VALUE_IN_MESSAGE));
            }
        }
        return path.toString();
    }

    private CodecException refused(String message) {
        return refused(FailureCode.UNREADABLE, message);
    }

    private CodecException refused(FailureCode code, String message) {
        String id = code == FailureCode.MISSING_ID ? null : findId();
        return new CodecException(code, Text.writable(message), id);
    }

    /** Names of the top fields, as far as it is JSON. */
    private Set<String> fieldNames() {
        Set<String> found = new HashSet<>();
        try (JsonParser in = FACTORY.createParser(json)) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                found.add(in.currentName());
                in.nextToken();
                in.skipChildren();
            }
        } catch (IOException e) {
            // What is behind this does not matter.
        }
        return found;
    }

    /** The value of the top field id as text, from a second look at what was refused. */
    private String findId() {
        try (JsonParser in = FACTORY.createParser(json)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                boolean found = in.currentName().equals("id");
                JsonToken token = in.nextToken();
                if (found) {
                    boolean scalar = token == JsonToken.VALUE_STRING || token.isNumeric();
                    return scalar && !in.getText().isEmpty() ? in.getText() : null;
                }
                in.skipChildren();
            }
            return null;
        } catch (IOException e) {
            return null;
        }
    }
}
