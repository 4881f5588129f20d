package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Page-locked host memory, which the GPU copies by DMA and which kernels can access. */
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
        int result = JCudaDriver.cuMemHostGetDevicePointer(address, pointer, 0);
        if (result != CUresult.CUDA_SUCCESS) {
            JCudaDriver.cuMemFreeHost(pointer);
            check(result, "cuMemHostGetDevicePointer");
        }
        buffer = pointer.getByteBuffer(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
        context.taken(0);
    }

    /** The memory, little-endian. Must not be used after {@link #close}. */
    public ByteBuffer buffer() {
        return buffer;
    }

    /** Its device address. */
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
