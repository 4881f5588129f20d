package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;

/**
 * The parameters of a kernel: one struct by value, written field after field as {@code params.h}
 * has them. The driver copies it at the launch, so one buffer serves all launches of a thread.
 */
public class KernelParams {
    private static final int MOST_BYTES = 4096;

    private final ByteBuffer buffer =
            ByteBuffer.allocateDirect(MOST_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    // One parameter: a pointer to an array of one pointer, to the struct.
    private final Pointer pointer = Pointer.to(Pointer.to(buffer));

    /** Forgets all fields. */
    public KernelParams begin() {
        buffer.clear();
        return this;
    }

    /** A pointer, null being 0. The header has these first. */
    public KernelParams pointer(long address) {
        if (buffer.position() % Long.BYTES != 0) {
            throw new IllegalStateException("A pointer after words would need padding.");
        }
        buffer.putLong(address);
        return this;
    }

    public KernelParams pointer(DeviceMemory memory) {
        return pointer(memory == null ? 0 : memory.address());
    }

    public KernelParams word(int value) {
        buffer.putInt(value);
        return this;
    }

    public KernelParams word(float value) {
        buffer.putFloat(value);
        return this;
    }

    /** Bytes written so far. */
    int size() {
        return buffer.position();
    }

    public Pointer pointer() {
        return pointer;
    }

    /** The struct itself. */
    ByteBuffer buffer() {
        return buffer;
    }

    /** The words at the end, which are shapes and the like. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("parameters of ").append(size()).append(" bytes:");
        for (int at = 0; at < size(); at += Integer.BYTES) {
            text.append(' ').append(Integer.toHexString(buffer.getInt(at)));
        }
        return text.toString();
    }
}
