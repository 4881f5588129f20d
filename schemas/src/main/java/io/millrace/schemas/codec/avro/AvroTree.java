package io.millrace.schemas.codec.avro;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** Records of any Avro schema: read within the bytes that are there, and as maps. */
public final class AvroTree {
    private AvroTree() {}

    /**
     * Reads a record.
     *
     * @param writer the schema that it was written by
     * @param reader the schema that it is resolved to
     * @param from bytes before it; the bytes end with it
     * @throws CodecException the bytes are no such record, or do not resolve
     */
    public static GenericRecord read(Schema writer, Schema reader, byte[] bytes, int from)
            throws CodecException {
        AvroBytes.check(writer, bytes, from);
        try {
            return new InOrder(writer, reader)
                    .read(
                            null,
                            DecoderFactory.get()
                                    .binaryDecoder(bytes, from, bytes.length - from, null));
        } catch (IOException | RuntimeException e) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "the event's schema %s does not resolve to %s: %s"
                            .formatted(
                                    writer.getFullName(),
                                    reader.getFullName(),
                                    Text.brief(String.valueOf(e.getMessage()), 300)),
                    null,
                    e);
        }
    }

    /** The Avro binary of a record, maps in the order that they have. */
    public static byte[] write(Object datum, Schema schema) {
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream(512);
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
            new GenericDatumWriter<>(schema).write(datum, encoder);
            encoder.flush();
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A record as maps, lists, strings, numbers and booleans. Enums are strings, decimals {@code
     * BigDecimal}, other logical types what they are stored as. Bytes are strings where they are
     * UTF-8, and else left out. Maps are in the order of their keys.
     */
    public static Map<String, Object> tree(IndexedRecord record) {
        Map<String, Object> tree = new LinkedHashMap<>();
        for (Schema.Field field : record.getSchema().getFields()) {
            put(tree, field.name(), record.get(field.pos()), field.schema());
        }
        return tree;
    }

    private static void put(Map<String, Object> tree, String name, Object value, Schema schema) {
        Object converted = value(value, schema);
        if (converted != null || value == null) {
            tree.put(name, converted);
        }
    }

    /** Null also for bytes that are no text. */
    private static Object value(Object value, Schema schema) {
        return switch (schema.getType()) {
            case NULL -> null;
            case UNION ->
                    value(
                            value,
                            schema.getTypes().get(GenericData.get().resolveUnion(schema, value)));
            case RECORD -> tree((IndexedRecord) value);
            case MAP -> {
                Map<String, Object> map = new LinkedHashMap<>();
                Map<String, Object> sorted = new TreeMap<>();
                ((Map<?, ?>) value).forEach((key, item) -> sorted.put(key.toString(), item));
                sorted.forEach((key, item) -> put(map, key, item, schema.getValueType()));
                yield map;
            }
            case ARRAY -> {
                List<Object> list = new ArrayList<>();
                ((Iterable<?>) value)
                        .forEach(item -> list.add(value(item, schema.getElementType())));
                yield list;
            }
            case STRING, ENUM -> value.toString();
            case FLOAT -> Double.valueOf(value.toString());
            case BYTES, FIXED -> bytes(value, schema);
            default -> value;
        };
    }

    private static Object bytes(Object value, Schema schema) {
        boolean fixed = schema.getType() == Schema.Type.FIXED;
        if (schema.getLogicalType() instanceof LogicalTypes.Decimal decimal) {
            Conversions.DecimalConversion conversion = new Conversions.DecimalConversion();
            return fixed
                    ? conversion.fromFixed((GenericFixed) value, schema, decimal)
                    : conversion.fromBytes((ByteBuffer) value, schema, decimal);
        }
        if (fixed) {
            byte[] all = ((GenericFixed) value).bytes();
            return Text.decode(all, 0, all.length);
        }
        ByteBuffer buffer = ((ByteBuffer) value).duplicate();
        byte[] all = new byte[buffer.remaining()];
        buffer.get(all);
        return Text.decode(all, 0, all.length);
    }

    /** Keeps the order of maps, so that they are written as they were. */
    private static final class InOrder extends GenericDatumReader<GenericRecord> {
        InOrder(Schema writer, Schema reader) {
            super(writer, reader);
        }

        @Override
        protected Object newMap(Object old, int size) {
            return new LinkedHashMap<>();
        }
    }
}
