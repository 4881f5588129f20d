package io.millrace.gpu.device.cuda.struct;

import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A struct in memory that kernels read, written in place. It knows which fields have been set, so
 * that one that is forgotten is an error before a kernel reads it. One thread at a time.
 */
public abstract class Struct {
    private final Layout layout;
    private final long setters;

    /** Structs within this one. */
    private final List<Struct> parts = new ArrayList<>();

    /** Byte offset in the outer struct; 0 for an outer struct. */
    private final int offset;

    private ByteBuffer memory;
    private int at;

    /** A bit for each field that is still to be set. */
    private long missing;

    Struct(Layout layout) {
        this.layout = layout;
        setters = layout.setters();
        missing = setters;
        offset = 0;
    }

    /** A struct within another one. */
    Struct(Layout layout, Struct whole, int offset) {
        this.layout = layout;
        this.offset = offset;
        setters = layout.setters();
        missing = setters;
        whole.parts.add(this);
        if (whole.memory != null) {
            moveTo(whole.memory, whole.at + offset);
        }
    }

    /**
     * Moves to other memory, without writing to it.
     *
     * @param at byte of the memory
     */
    final void moveTo(ByteBuffer memory, int at) {
        if (memory.order() != ByteOrder.LITTLE_ENDIAN) {
            throw new IllegalArgumentException("Kernels read little-endian memory.");
        }
        this.memory = memory;
        this.at = at;
        for (int i = 0; i < parts.size(); i++) {
            parts.get(i).moveTo(memory, at + parts.get(i).offset);
        }
    }

    /** Makes all fields 0, and to be set. */
    final void clear() {
        for (int i = 0; i < layout.bytes(); i += Integer.BYTES) {
            memory.putInt(at + i, 0);
        }
        unset();
    }

    private void unset() {
        missing = setters;
        for (int i = 0; i < parts.size(); i++) {
            parts.get(i).unset();
        }
    }

    /**
     * Ends the writing of the struct.
     *
     * @throws IllegalStateException a field was not set
     */
    public final void check() {
        if (missing != 0) {
            throw new IllegalStateException(
                    "%s.%s was not set."
                            .formatted(
                                    layout.name(),
                                    layout.fields()
                                            .get(Long.numberOfTrailingZeros(missing))
                                            .name()));
        }
        for (int i = 0; i < parts.size(); i++) {
            parts.get(i).check();
        }
    }

    /** Sets all fields to those of a struct of the same layout. */
    public final void copy(Struct from) {
        if (from.layout != layout) {
            throw new IllegalArgumentException(from.layout.name() + " is no " + layout.name());
        }
        memory.put(at, from.memory, from.at, layout.bytes());
        copyMissing(from);
    }

    private void copyMissing(Struct from) {
        missing = from.missing;
        for (int i = 0; i < parts.size(); i++) {
            parts.get(i).copyMissing(from.parts.get(i));
        }
    }

    final void set(int field, int value) {
        memory.putInt(at(field), value);
    }

    final void set(int field, long value) {
        memory.putLong(at(field), value);
    }

    final void set(int field, float value) {
        memory.putFloat(at(field), value);
    }

    final void set(int field, double value) {
        memory.putDouble(at(field), value);
    }

    /** Offset of a field, which is noted as set. */
    private int at(int field) {
        missing &= ~(1L << field);
        return at + layout.fields().get(field).offset();
    }

    static long address(DeviceMemory memory) {
        return memory == null ? 0 : memory.address();
    }

    final Layout layout() {
        return layout;
    }

    /** The fields by name, addresses in hexadecimal digits. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(layout.name());
        String before = "(";
        int part = 0;
        for (Layout.Field field : layout.fields()) {
            if (field.type() != Layout.Type.RESERVED) {
                text.append(before).append(field.name()).append('=');
                text.append(field.type() == Layout.Type.STRUCT ? parts.get(part++) : value(field));
                before = ", ";
            }
        }
        return text.append(')').toString();
    }

    private Object value(Layout.Field field) {
        int from = at + field.offset();
        return switch (field.type()) {
            case POINTER -> "0x" + Long.toHexString(memory.getLong(from));
            case LONG -> memory.getLong(from);
            case DOUBLE -> memory.getDouble(from);
            case FLOAT -> memory.getFloat(from);
            default -> memory.getInt(from);
        };
    }
}
