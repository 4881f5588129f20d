package io.millrace.gpu.device.cuda.struct;

import java.util.List;

/**
 * The layout of a C struct, as a header declares it. Fields are aligned to their size without
 * padding.
 *
 * @param name of the struct
 * @param bytes its size
 * @param fields in the order of their offsets
 */
record Layout(String name, int bytes, List<Field> fields) {
    /** What a field holds. */
    enum Type {
        /** An address in device memory or in mapped host memory; null is 0. */
        POINTER,
        LONG,
        INT,
        DOUBLE,
        FLOAT,
        /** Always 0, and an array of the host's no concern. */
        RESERVED,
        /** A struct within the struct. */
        STRUCT
    }

    /**
     * A field.
     *
     * @param offset in bytes
     */
    record Field(String name, int offset, Type type) {
        /** Whether it has a setter. */
        boolean isSet() {
            return type != Type.RESERVED && type != Type.STRUCT;
        }
    }

    /** A bit for each field that has a setter, by its index. */
    long setters() {
        long bits = 0;
        for (int i = 0; i < fields.size(); i++) {
            bits |= fields.get(i).isSet() ? 1L << i : 0;
        }
        return bits;
    }
}
