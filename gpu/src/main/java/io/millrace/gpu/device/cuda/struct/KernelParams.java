package io.millrace.gpu.device.cuda.struct;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;

/**
 * The parameters of a kernel: one struct by value. The driver copies it at the launch, so one
 * object serves all launches of a thread.
 */
public abstract class KernelParams extends Struct {
    private final ByteBuffer buffer;

    /** One parameter: a pointer to an array of one pointer, to the struct. */
    private final Pointer pointer;

    KernelParams(Layout layout) {
        super(layout);
        buffer = ByteBuffer.allocateDirect(layout.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        pointer = Pointer.to(Pointer.to(buffer));
        moveTo(buffer, 0);
    }

    /** Parameters within those of another kernel, whose launch alone reads them. */
    KernelParams(Layout layout, Struct whole, int offset) {
        super(layout, whole, offset);
        buffer = null;
        pointer = null;
    }

    /** As a launch through JCuda takes them. */
    public Pointer pointer() {
        return pointer;
    }

    /** The struct itself, direct. */
    public ByteBuffer buffer() {
        return buffer;
    }
}
