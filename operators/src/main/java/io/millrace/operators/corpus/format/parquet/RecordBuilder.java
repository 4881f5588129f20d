package io.millrace.operators.corpus.format.parquet;

import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.io.api.RecordMaterializer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/** Makes the tree of a record, as {@link Records} has it, of what the columns tell. One thread. */
final class RecordBuilder extends RecordMaterializer<Object[]> {
    private final Group root;

    RecordBuilder(GroupType type) {
        root = new Group(type, null, 0, false);
    }

    @Override
    public Object[] getCurrentRecord() {
        return root.values;
    }

    @Override
    public GroupConverter getRootConverter() {
        return root;
    }

    private static final class Group extends GroupConverter {
        private final Group parent;
        private final int number;
        private final boolean repeated;
        private final Converter[] fields;
        private Object[] values;

        Group(GroupType type, Group parent, int number, boolean repeated) {
            this.parent = parent;
            this.number = number;
            this.repeated = repeated;
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
            values = new Object[fields.length];
        }

        @Override
        public void end() {
            if (parent != null) {
                parent.put(number, repeated, values);
            }
        }

        @SuppressWarnings("unchecked")
        void put(int field, boolean list, Object value) {
            if (!list) {
                values[field] = value;
                return;
            }
            if (values[field] == null) {
                values[field] = new ArrayList<>();
            }
            ((List<Object>) values[field]).add(value);
        }
    }

    private static final class Value extends PrimitiveConverter {
        private final Group parent;
        private final int number;
        private final boolean repeated;

        Value(Group parent, int number, boolean repeated) {
            this.parent = parent;
            this.number = number;
            this.repeated = repeated;
        }

        private void put(Object value) {
            parent.put(number, repeated, value);
        }

        @Override
        public void addBinary(Binary value) {
            put(value.getBytes());
        }

        @Override
        public void addBoolean(boolean value) {
            put(value);
        }

        @Override
        public void addDouble(double value) {
            put(value);
        }

        @Override
        public void addFloat(float value) {
            put(value);
        }

        @Override
        public void addInt(int value) {
            put(value);
        }

        @Override
        public void addLong(long value) {
            put(value);
        }
    }
}
