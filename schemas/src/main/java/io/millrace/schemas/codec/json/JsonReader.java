package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
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
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.specific.SpecificRecordBase;

/** Reads one record from JSON by its Avro schema, and names the exact fault of an invalid one. */
public final class JsonReader {

    private final byte[] bytes;
    private final byte[] schemaId;
    private final boolean strict;

    // Made once the bytes are known to be text.
    private JsonText text;
    private JsonPath path;
    private JsonScalars scalars;
    private ConstraintForms constraints;

    // All faults, where all are asked for; else null, and the first one is thrown.
    private List<CodecException> faults;
    private Set<String> unread;
    private boolean hopeless;

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
        String other = strict ? OtherFormat.of(bytes, schemaId, WireFormat.JSON) : null;
        if (other != null) {
            throw new CodecException(FailureCode.UNREADABLE, "not JSON, but " + other, null);
        }
        text = JsonText.of(bytes);
        if (text == null) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not JSON: byte " + Text.firstInvalid(bytes) + " is not valid UTF-8",
                    null);
        }
        path = new JsonPath(text);
        scalars = new JsonScalars(path, text.hasEscapes(), strict);
        constraints = new ConstraintForms(text, path, scalars);
        try (JsonParser in = text.parser()) {
            return readAll(in, type);
        } catch (IOException e) {
            throw path.refused("not valid JSON: " + e.getMessage());
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
                throw path.refused(
                        first == null
                                ? "the record is empty: a " + type + " is a JSON object"
                                : "a "
                                        + type
                                        + " is a JSON object, not "
                                        + JsonScalars.describe(first));
            }
            IndexedRecord record = readRecord(in, type.schema());
            if (in.nextToken() != null) {
                throw path.refused(
                        "there is more after the JSON object: write one object a record");
            }
            return record;
        } catch (JsonProcessingException e) {
            throw text.refused(in, e);
        }
    }

    private IndexedRecord readRecord(JsonParser in, Schema schema)
            throws IOException, CodecException {
        List<Schema.Field> fields = schema.getFields();
        boolean[] seen = new boolean[fields.size()];
        IndexedRecord record = (IndexedRecord) RecordType.DATA.newRecord(null, schema);
        JsonStreamContext object = in.getParsingContext();
        path.enterObject();
        int here = path.depth();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            path.field(in.currentName());
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
                path.field(field.name());
                try {
                    record.put(field.pos(), missing(field, record));
                } catch (CodecException e) {
                    collect(e, here);
                }
            }
        }
        path.leave();
        return record;
    }

    private void readField(JsonParser in, Schema schema, IndexedRecord record, boolean[] seen)
            throws IOException, CodecException {
        String name = in.currentName();
        boolean base64 = false;
        boolean form = strict && path.depth() == 1 && ConstraintForms.isForm(name);
        Schema.Field field = schema.getField(form ? ConstraintForms.FIELD : name);
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
        if (strict && token == JsonToken.VALUE_NULL && path.isContent()) {
            // As absent: beside tool_calls there need be none.
            return;
        }
        if (seen[field.pos()]) {
            throw path.refused(
                    "field "
                            + path
                            + (form ? " says what another field says" : " stands twice")
                            + ": keep one");
        }
        seen[field.pos()] = true;
        if (form) {
            record.put(field.pos(), constraints.read(in, token));
            return;
        }
        record.put(
                field.pos(),
                base64 ? scalars.readBase64(in, token) : readValue(in, token, field.schema()));
    }

    /** Keeps a fault of a field of the object that is so deep, or throws it. */
    private void collect(CodecException fault, int here) throws CodecException {
        if (faults == null || hopeless) {
            throw fault;
        }
        faults.add(fault);
        unread.add(path.top());
        path.leaveTo(here);
    }

    private void skipUnknown(JsonParser in, Schema schema, String name)
            throws IOException, CodecException {
        if (!strict) {
            in.skipChildren();
            return;
        }
        if (path.depth() == 1) {
            String envelope = Envelope.of(text.fieldNames());
            if (envelope != null) {
                // All its fields are of something else: one sentence says it.
                hopeless = true;
                throw path.refused(FailureCode.UNKNOWN_FIELD, "the record is " + envelope);
            }
            String instead = Envelope.instead(name);
            if (instead != null) {
                throw path.refused(
                        FailureCode.UNKNOWN_FIELD, "unknown field " + name + ": " + instead);
            }
        }
        String nearest =
                NearestName.of(name, schema.getFields().stream().map(Schema.Field::name).toList());
        if (nearest == null) {
            throw path.refused(
                    FailureCode.UNKNOWN_FIELD,
                    "unknown field " + path + ": remove it (put data of your own in metadata)");
        }
        String given = path.toString();
        path.field(nearest);
        throw path.refused(
                FailureCode.UNKNOWN_FIELD,
                "unknown field " + given + ": did you mean " + path + "?");
    }

    private Object missing(Schema.Field field, IndexedRecord record) throws CodecException {
        if (field.hasDefaultValue()) {
            return RecordType.DATA.getDefaultValue(field);
        }
        if (strict && path.isContent() && hasToolCalls(record)) {
            return "";
        }
        if (strict && path.depth() == 1 && field.name().equals("id")) {
            throw path.refused(FailureCode.MISSING_ID, "field id is missing: " + Ids.REMEDY);
        }
        throw path.refused("field " + path + " is missing");
    }

    private static boolean hasToolCalls(IndexedRecord message) {
        return message.get(message.getSchema().getField("tool_calls").pos()) != null;
    }

    private Object readValue(JsonParser in, JsonToken token, Schema schema)
            throws IOException, CodecException {
        return switch (schema.getType()) {
            case UNION -> {
                Schema some = schema.getTypes().get(1);
                yield token == JsonToken.VALUE_NULL ? null : readValue(in, token, some);
            }
            case RECORD -> {
                scalars.expect(token == JsonToken.START_OBJECT, "an object", in, token);
                yield readRecord(in, schema);
            }
            case ARRAY -> {
                boolean stop = strict && path.isTop("stop");
                if (stop && token == JsonToken.VALUE_STRING) {
                    // One stop string, as everybody's chat API has it.
                    yield List.of(scalars.readText(in, token));
                }
                String wanted = stop ? "text or an array of texts" : "an array";
                scalars.expect(token == JsonToken.START_ARRAY, wanted, in, token);
                yield readArray(in, schema.getElementType());
            }
            case MAP -> {
                scalars.expect(token == JsonToken.START_OBJECT, "an object", in, token);
                yield readMap(in, schema.getValueType());
            }
            case STRING -> {
                if (strict && token == JsonToken.START_ARRAY && path.isContent()) {
                    yield new ContentParts(path, scalars).read(in);
                }
                if (strict && token == JsonToken.START_OBJECT && path.isTop(ToolChoiceForm.FIELD)) {
                    yield new ToolChoiceForm(path, scalars).read(in);
                }
                yield strict && path.isJsonText()
                        ? constraints.readSchema(in, token)
                        : scalars.readText(in, token);
            }
            case BYTES ->
                    ByteBuffer.wrap(scalars.readText(in, token).getBytes(StandardCharsets.UTF_8));
            case BOOLEAN -> scalars.readBoolean(in, token);
            case INT -> (int) scalars.readWhole(in, token, Integer.MIN_VALUE, Integer.MAX_VALUE);
            case LONG -> scalars.readWhole(in, token, Long.MIN_VALUE, Long.MAX_VALUE);
            case FLOAT -> scalars.readFloat(in, token);
            case DOUBLE -> scalars.readDouble(in, token);
            default -> throw new IllegalStateException("no JSON form of " + schema);
        };
    }

    private List<Object> readArray(JsonParser in, Schema items) throws IOException, CodecException {
        List<Object> list = new ArrayList<>();
        path.enterArray();
        for (JsonToken token = in.nextToken();
                token != JsonToken.END_ARRAY;
                token = in.nextToken()) {
            path.item(list.size());
            list.add(readValue(in, token, items));
        }
        path.leave();
        return list;
    }

    private Map<String, Object> readMap(JsonParser in, Schema values)
            throws IOException, CodecException {
        Map<String, Object> map = new HashMap<>();
        path.enterObject();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            path.field(name);
            scalars.wellFormed(name);
            if (map.put(name, readValue(in, in.nextToken(), values)) != null) {
                throw path.refused("field " + path + " stands twice: keep one");
            }
        }
        path.leave();
        return map;
    }
}
