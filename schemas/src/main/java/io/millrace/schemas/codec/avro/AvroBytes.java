package io.millrace.schemas.codec.avro;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import org.apache.avro.Schema;

/**
 * Checks Avro binary against its writer's schema before anything is read from it: Avro's own
 * decoder allocates what a length claims, so six bytes could ask for two gigabytes, and it replaces
 * bytes that are not UTF-8 silently.
 *
 * <p>An array or map may not claim more items than bytes are left, which also refuses arrays of
 * items without any bytes; the contract has none.
 */
final class AvroBytes {

    private static final int DEEPEST = 64;

    private final byte[] bytes;
    private int position;
    private int depth;
    private String field = "";
    private String id;

    private AvroBytes(byte[] bytes, int from) {
        this.bytes = bytes;
        this.position = from;
    }

    /**
     * Refuses bytes that are not exactly one datum of the schema.
     *
     * @return the value of the top field id as text, null if there is none
     */
    static String check(Schema writer, byte[] bytes, int from) throws CodecException {
        AvroBytes check = new AvroBytes(bytes, from);
        check.value(writer);
        if (check.position != bytes.length) {
            throw check.refused(
                    (bytes.length - check.position) + " bytes are left over after the record");
        }
        return check.id;
    }

    private void value(Schema schema) throws CodecException {
        switch (schema.getType()) {
            case NULL -> {}
            case BOOLEAN -> {
                if ((next() & ~1) != 0) {
                    throw refused("a boolean is neither 0 nor 1");
                }
            }
            case INT -> {
                long number = varint();
                if (number != (int) number) {
                    throw refused(number + " does not fit an int");
                }
            }
            case LONG -> varint();
            case FLOAT -> skip(4);
            case DOUBLE -> skip(8);
            case FIXED -> skip(schema.getFixedSize());
            case BYTES -> skip(varint());
            case STRING -> text();
            case ENUM -> index(schema.getEnumSymbols().size(), "enum symbol");
            case UNION -> {
                int branch = index(schema.getTypes().size(), "union branch");
                value(schema.getTypes().get(branch));
            }
            case ARRAY -> items(schema.getElementType(), false);
            case MAP -> items(schema.getValueType(), true);
            case RECORD -> record(schema);
        }
    }

    private void record(Schema schema) throws CodecException {
        if (++depth > DEEPEST) {
            throw refused("it nests deeper than " + DEEPEST + " records");
        }
        String outer = field;
        for (Schema.Field part : schema.getFields()) {
            field = outer.isEmpty() ? part.name() : outer + "." + part.name();
            int start = position;
            value(part.schema());
            if (field.equals("id")) {
                int end = position;
                position = start;
                id = id(part.schema());
                position = end;
            }
        }
        field = outer;
        depth--;
    }

    /** The id at this position as text, null if it is neither text nor a whole number. */
    private String id(Schema schema) throws CodecException {
        return switch (schema.getType()) {
            case STRING -> text();
            case INT, LONG -> String.valueOf(varint());
            case UNION -> id(schema.getTypes().get((int) varint()));
            default -> null;
        };
    }

    private void items(Schema item, boolean keys) throws CodecException {
        if (++depth > DEEPEST) {
            throw refused("it nests deeper than " + DEEPEST + " levels");
        }
        for (long count = varint(); count != 0; count = varint()) {
            if (count < 0) {
                // A negative count is followed by the block's size in bytes.
                count = -count;
                varint();
            }
            if (count < 0 || count > bytes.length - position) {
                throw refused(
                        count + " items are claimed, " + (bytes.length - position) + " bytes left");
            }
            for (long i = 0; i < count; i++) {
                if (keys) {
                    text();
                }
                value(item);
            }
        }
        depth--;
    }

    private int index(int size, String what) throws CodecException {
        long index = varint();
        if (index < 0 || index >= size) {
            throw refused(what + " " + index + " of " + size);
        }
        return (int) index;
    }

    private String text() throws CodecException {
        long length = varint();
        int start = position;
        skip(length);
        String text = Text.decode(bytes, start, (int) length);
        if (text == null) {
            throw refused("it is not valid UTF-8");
        }
        return text;
    }

    private void skip(long length) throws CodecException {
        if (length < 0 || length > bytes.length - position) {
            throw refused(
                    length + " bytes are claimed, " + (bytes.length - position) + " are left");
        }
        position += (int) length;
    }

    private long varint() throws CodecException {
        long zigzag = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            int b = next();
            zigzag |= (b & 0x7FL) << shift;
            if ((b & 0x80) == 0) {
                return (zigzag >>> 1) ^ -(zigzag & 1);
            }
        }
        throw refused("a number has more than ten bytes");
    }

    private int next() throws CodecException {
        if (position == bytes.length) {
            throw refused("it ends in the middle");
        }
        return bytes[position++];
    }

    private CodecException refused(String message) {
        String where = field.isEmpty() ? "" : "field " + field + ": ";
        String known = id == null || id.isEmpty() ? null : id;
        return new CodecException(
                FailureCode.UNREADABLE, "not valid Avro: " + where + message, known);
    }
}
