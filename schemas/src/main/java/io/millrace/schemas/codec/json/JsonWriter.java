package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import io.millrace.schemas.text.Text;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/** Writes records as JSON by their Avro schema. Never fails on what a valid record holds. */
public final class JsonWriter {

    /** Appended to the name of a bytes field whose bytes are not text. */
    static final String BASE64_SUFFIX = "_base64";

    /** More room than this is made only once it is needed. */
    private static final int LONGEST_GUESS = 1 << 26;

    // Float.toString changed in JDK 19; Jackson's own writer gives the same digits on every JDK.
    private static final JsonFactory FACTORY =
            JsonFactory.builder().enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER).build();

    private JsonWriter() {}

    /** The record as one JSON object, in UTF-8. */
    public static byte[] write(IndexedRecord record) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512 + longParts(record));
        try (JsonGenerator out = FACTORY.createGenerator(bytes)) {
            writeRecord(record, out);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write a " + record.getSchema().getName(), e);
        }
        return bytes.toByteArray();
    }

    /** Bytes of what may be long, so that writing it does not copy what is written already. */
    private static int longParts(IndexedRecord record) {
        long bytes = 0;
        for (Schema.Field field : record.getSchema().getFields()) {
            Object value = record.get(field.pos());
            if (value instanceof ByteBuffer buffer) {
                bytes += buffer.remaining() + buffer.remaining() / 32;
            } else if (value instanceof CharSequence text) {
                bytes += text.length() + text.length() / 32;
            }
        }
        return (int) Math.min(bytes, LONGEST_GUESS);
    }

    private static void writeRecord(IndexedRecord record, JsonGenerator out) throws IOException {
        out.writeStartObject();
        for (Schema.Field field : record.getSchema().getFields()) {
            Object value = record.get(field.pos());
            if (value instanceof ByteBuffer buffer) {
                writeBytes(field.name(), buffer, out);
            } else if (value != null) {
                out.writeFieldName(field.name());
                write(value, out);
            } else if (field.schema().getType() != Schema.Type.UNION) {
                throw new IllegalArgumentException(
                        "a " + record.getSchema().getName() + " without its " + field.name());
            }
        }
        out.writeEndObject();
    }

    private static void write(Object value, JsonGenerator out) throws IOException {
        if (value instanceof IndexedRecord record) {
            writeRecord(record, out);
        } else if (value instanceof Collection<?> items) {
            out.writeStartArray();
            for (Object item : items) {
                write(item, out);
            }
            out.writeEndArray();
        } else if (value instanceof Map<?, ?> map) {
            writeMap(map, out);
        } else if (value instanceof CharSequence text) {
            out.writeString(Text.writable(text.toString()));
        } else if (value instanceof Integer number) {
            out.writeNumber(number);
        } else if (value instanceof Long number) {
            out.writeNumber(number);
        } else if (value instanceof Float number) {
            out.writeNumber(number);
        } else if (value instanceof Double number) {
            out.writeNumber(number);
        } else if (value instanceof Boolean truth) {
            out.writeBoolean(truth);
        } else {
            throw new IllegalArgumentException("no JSON form of " + value.getClass());
        }
    }

    /** In the order of the keys: a map's own order depends on how it was made. */
    private static void writeMap(Map<?, ?> map, JsonGenerator out) throws IOException {
        TreeMap<String, Object> sorted = new TreeMap<>();
        map.forEach((key, value) -> sorted.put(key.toString(), value));
        out.writeStartObject();
        for (Map.Entry<String, Object> entry : sorted.entrySet()) {
            out.writeFieldName(Text.writable(entry.getKey()));
            write(entry.getValue(), out);
        }
        out.writeEndObject();
    }

    private static void writeBytes(String name, ByteBuffer buffer, JsonGenerator out)
            throws IOException {
        if (buffer.hasArray() && Text.isAscii(buffer)) {
            // Need not become characters first.
            out.writeFieldName(name);
            out.writeUTF8String(
                    buffer.array(), buffer.arrayOffset() + buffer.position(), buffer.remaining());
            return;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        String text = Text.decode(bytes, 0, bytes.length);
        if (text != null) {
            out.writeStringField(name, text);
        } else {
            out.writeStringField(name + BASE64_SUFFIX, Base64.getEncoder().encodeToString(bytes));
        }
    }
}
