package io.millrace.operators.corpus.format.parquet;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/**
 * Converts records between bytes, trees and calls of a {@link RecordConsumer}.
 *
 * <pre>
 *   group:    its fields, one after the other
 *   field:    required [value], optional [0] or [1][value], repeated [count, 4 bytes][value]...
 *   value:    group; bytes [length, 4 bytes][bytes]; numbers big-endian in 1, 4 or 8 bytes
 * </pre>
 *
 * In a tree a group is an array with one element per field: null, a value, or a list of values. A
 * value is a group, a byte array, a number or a boolean.
 */
final class Records {
    private Records() {}

    static byte[] bytes(GroupType type, Object[] record) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try {
            writeGroup(type, record, new DataOutputStream(bytes));
        } catch (IOException e) {
            throw new UncheckedIOException("Writing to memory failed.", e);
        }
        return bytes.toByteArray();
    }

    private static void writeGroup(GroupType type, Object[] group, DataOutputStream out)
            throws IOException {
        for (int i = 0; i < group.length; i++) {
            Type field = type.getType(i);
            if (field.isRepetition(Repetition.REPEATED)) {
                List<?> values = group[i] == null ? List.of() : (List<?>) group[i];
                out.writeInt(values.size());
                for (Object value : values) {
                    writeValue(field, value, out);
                }
            } else {
                if (field.isRepetition(Repetition.OPTIONAL)) {
                    out.writeBoolean(group[i] != null);
                }
                if (group[i] != null) {
                    writeValue(field, group[i], out);
                }
            }
        }
    }

    private static void writeValue(Type type, Object value, DataOutputStream out)
            throws IOException {
        if (value instanceof Object[] group) {
            writeGroup(type.asGroupType(), group, out);
        } else if (value instanceof byte[] bytes) {
            out.writeInt(bytes.length);
            out.write(bytes);
        } else if (value instanceof Integer number) {
            out.writeInt(number);
        } else if (value instanceof Long number) {
            out.writeLong(number);
        } else if (value instanceof Float number) {
            out.writeInt(Float.floatToRawIntBits(number));
        } else if (value instanceof Double number) {
            out.writeLong(Double.doubleToRawLongBits(number));
        } else {
            out.writeBoolean((Boolean) value);
        }
    }

    static Object[] read(GroupType type, byte[] bytes) {
        try {
            return readGroup(type, new DataInputStream(new ByteArrayInputStream(bytes)));
        } catch (IOException e) {
            throw new UncheckedIOException("A row that was read cannot be read again.", e);
        }
    }

    private static Object[] readGroup(GroupType type, DataInputStream in) throws IOException {
        Object[] group = new Object[type.getFieldCount()];
        for (int i = 0; i < group.length; i++) {
            Type field = type.getType(i);
            if (field.isRepetition(Repetition.REPEATED)) {
                int count = in.readInt();
                List<Object> values = new ArrayList<>();
                for (int value = 0; value < count; value++) {
                    values.add(readValue(field, in));
                }
                group[i] = values.isEmpty() ? null : values;
            } else if (field.isRepetition(Repetition.REQUIRED) || in.readBoolean()) {
                group[i] = readValue(field, in);
            }
        }
        return group;
    }

    private static Object readValue(Type type, DataInputStream in) throws IOException {
        if (!type.isPrimitive()) {
            return readGroup(type.asGroupType(), in);
        }
        return switch (type.asPrimitiveType().getPrimitiveTypeName()) {
            case BOOLEAN -> in.readBoolean();
            case INT32 -> in.readInt();
            case INT64 -> in.readLong();
            case FLOAT -> Float.intBitsToFloat(in.readInt());
            case DOUBLE -> Double.longBitsToDouble(in.readLong());
            case BINARY, FIXED_LEN_BYTE_ARRAY, INT96 -> in.readNBytes(in.readInt());
        };
    }

    /** Writes a record to the columns of an output file. */
    static void write(GroupType type, Object[] record, RecordConsumer out) {
        out.startMessage();
        writeFields(type, record, out);
        out.endMessage();
    }

    private static void writeFields(GroupType type, Object[] group, RecordConsumer out) {
        for (int i = 0; i < group.length; i++) {
            if (group[i] == null) {
                continue;
            }
            Type field = type.getType(i);
            out.startField(field.getName(), i);
            if (group[i] instanceof List<?> values) {
                values.forEach(value -> writeValue(field, value, out));
            } else {
                writeValue(field, group[i], out);
            }
            out.endField(field.getName(), i);
        }
    }

    private static void writeValue(Type type, Object value, RecordConsumer out) {
        if (value instanceof Object[] group) {
            out.startGroup();
            writeFields(type.asGroupType(), group, out);
            out.endGroup();
            return;
        }
        PrimitiveType primitive = type.asPrimitiveType();
        switch (primitive.getPrimitiveTypeName()) {
            case BOOLEAN -> out.addBoolean((Boolean) value);
            case INT32 -> out.addInteger((Integer) value);
            case INT64 -> out.addLong((Long) value);
            case FLOAT -> out.addFloat((Float) value);
            case DOUBLE -> out.addDouble((Double) value);
            case BINARY, FIXED_LEN_BYTE_ARRAY, INT96 ->
                    out.addBinary(Binary.fromConstantByteArray((byte[]) value));
        }
    }
}
