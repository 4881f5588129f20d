package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/**
 * Host memory that stays in its place, so that the GPU copies to and from it by itself, and kernels
 * can write it.
 */
public final class PinnedMemory implements AutoCloseable {
    private final CudaContext context;
    private final Pointer pointer = new Pointer();
    private final ByteBuffer buffer;
    private final Address address = new Address();
    private boolean closed;

    public PinnedMemory(CudaContext context, int bytes) {
        this.context = context;
        check(
                JCudaDriver.cuMemHostAlloc(pointer, bytes, JCudaDriver.CU_MEMHOSTALLOC_DEVICEMAP),
                "cuMemHostAlloc of %d bytes".formatted(bytes));
        check(
                JCudaDriver.cuMemHostGetDevicePointer(address, pointer, 0),
                "cuMemHostGetDevicePointer");
        buffer = pointer.getByteBuffer(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
        context.taken(0);
    }

    /** All of it, little-endian. Not to be used after {@link #close}. */
    public ByteBuffer buffer() {
        return buffer;
    }

    /** Where it begins, as kernels see it. */
    public long address() {
        return address.value();
    }

    public Pointer at(long offset) {
        return offset == 0 ? pointer : pointer.withByteOffset(offset);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            JCudaDriver.cuMemFreeHost(pointer);
            context.returned(0);
        }
    }
}
