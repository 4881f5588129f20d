package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.Row;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.io.ParquetDecodingException;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.io.api.RecordMaterializer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/**
 * Builds the tree of a record (see {@link Records}) from the values of the columns. Stops adding to
 * a record that is too large. One thread.
 */
final class RecordBuilder extends RecordMaterializer<Object[]> {
    /** Maximum groups and values of one row; each takes about 30 bytes of heap. */
    static final int MAX_VALUES = 1 << 20;

    private final Group root;
    private long bytes;
    private long values;

    RecordBuilder(GroupType type) {
        root = new Group(type, null, 0, false);
    }

    /** Why the last record is too large; null if it is not. */
    String fault() {
        if (values > MAX_VALUES) {
            return "the row has %,d values, more than the maximum of %,d"
                    .formatted(values, MAX_VALUES);
        }
        return bytes > Row.MAX_BYTES ? Row.tooLong(bytes) : null;
    }

    /** Counts a value; returns whether the record is still small enough. */
    private boolean count(long length) {
        bytes += length;
        values++;
        return bytes <= Row.MAX_BYTES && values <= MAX_VALUES;
    }

    @Override
    public Object[] getCurrentRecord() {
        return root.values;
    }

    @Override
    public GroupConverter getRootConverter() {
        return root;
    }

    private final class Group extends GroupConverter {
        private final Group parent;
        private final int number;
        private final boolean repeated;
        private final GroupType type;
        private final Converter[] fields;
        private Object[] values;

        Group(GroupType type, Group parent, int number, boolean repeated) {
            this.parent = parent;
            this.number = number;
            this.repeated = repeated;
            this.type = type;
            fields = new Converter[type.getFieldCount()];
            for (int i = 0; i < fields.length; i++) {
                Type field = type.getType(i);
                boolean list = field.isRepetition(Repetition.REPEATED);
                fields[i] =
                        field.isPrimitive()
                                ? new Value(this, i, list)
                                : new Group(field.asGroupType(), this, i, list);
            }
        }

        @Override
        public Converter getConverter(int field) {
            return fields[field];
        }

        @Override
        public void start() {
            if (parent == null) {
                RecordBuilder.this.bytes = 0;
                RecordBuilder.this.values = 0;
            }
            values = new Object[fields.length];
        }

        @Override
        public void end() {
            if (fault() != null) {
                return;
            }
            for (int i = 0; i < fields.length; i++) {
                if (values[i] == null && type.getType(i).isRepetition(Repetition.REQUIRED)) {
                    throw new ParquetDecodingException(
                            "required column %s has no value in a row"
                                    .formatted(type.getFieldName(i)));
                }
            }
            if (parent != null && count(fields.length)) {
                parent.put(number, repeated, values);
            }
        }

        @SuppressWarnings("unchecked")
        void put(int field, boolean list, Object value) {
            if (!list) {
                if (values[field] != null) {
                    throw new ParquetDecodingException(
                            "column %s, which is not repeated, has two values in a row"
                                    .formatted(type.getFieldName(field)));
                }
                values[field] = value;
                return;
            }
            if (values[field] == null) {
                values[field] = new ArrayList<>();
            }
            ((List<Object>) values[field]).add(value);
        }
    }

    private final class Value extends PrimitiveConverter {
        private final Group parent;
        private final int number;
        private final boolean repeated;

        Value(Group parent, int number, boolean repeated) {
            this.parent = parent;
            this.number = number;
            this.repeated = repeated;
        }

        private void put(int length, Object value) {
            if (count(length)) {
                parent.put(number, repeated, value);
            }
        }

        @Override
        public void addBinary(Binary value) {
            // Copy the bytes only if the record is small enough.
            if (count(Integer.BYTES + (long) value.length())) {
                parent.put(number, repeated, value.getBytes());
            }
        }

        @Override
        public void addBoolean(boolean value) {
            put(1, value);
        }

        @Override
        public void addDouble(double value) {
            put(Double.BYTES, value);
        }

        @Override
        public void addFloat(float value) {
            put(Float.BYTES, value);
        }

        @Override
        public void addInt(int value) {
            put(Integer.BYTES, value);
        }

        @Override
        public void addLong(long value) {
            put(Long.BYTES, value);
        }
    }
}
