package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** An allocation of the GPU's memory. */
public final class DeviceMemory implements AutoCloseable {
    private final CudaContext context;
    private final Address address;
    private final long bytes;
    private boolean closed;

    DeviceMemory(CudaContext context, Address address, long bytes) {
        this.context = context;
        this.address = address;
        this.bytes = bytes;
        context.taken(bytes);
    }

    /** Its device address. */
    public long address() {
        return address.value();
    }

    public long bytes() {
        return bytes;
    }

    /** Pointer to byte {@code offset}, for a copy. */
    public CUdeviceptr at(long offset) {
        return address.withByteOffset(offset);
    }

    /** Sets every byte. */
    public void fill(int value) {
        check(
                JCudaDriver.cuMemsetD8Async(address, (byte) value, bytes, context.stream()),
                "cuMemsetD8Async");
    }

    /**
     * Copies host memory to this memory, in the stream's order; the source must not change until
     * then.
     */
    public void copyFrom(PinnedMemory source, long sourceOffset, long offset, long length) {
        check(
                JCudaDriver.cuMemcpyHtoDAsync(
                        at(offset), source.at(sourceOffset), length, context.stream()),
                "cuMemcpyHtoDAsync");
    }

    /** Copies other device memory to this memory, in the stream's order. */
    public void copyFrom(DeviceMemory source, long sourceOffset, long offset, long length) {
        check(
                JCudaDriver.cuMemcpyDtoDAsync(
                        at(offset), source.at(sourceOffset), length, context.stream()),
                "cuMemcpyDtoDAsync");
    }

    /**
     * Sets bytes to 0: {@code count} runs of {@code length} bytes, which begin {@code pitch} bytes
     * apart.
     *
     * @param offset byte at which the first run begins
     */
    public void clear(long offset, long pitch, long length, long count) {
        check(
                JCudaDriver.cuMemsetD2D8Async(
                        at(offset), pitch, (byte) 0, length, count, context.stream()),
                "cuMemsetD2D8Async");
    }

    /**
     * Repeats the first bytes until the end of the memory.
     *
     * @param first number of these bytes, at most all
     */
    public void repeat(long first) {
        // Copies double in size: each reads what those before have written.
        for (long done = first; done < bytes; done *= 2) {
            check(
                    JCudaDriver.cuMemcpyDtoDAsync(
                            at(done), at(0), Math.min(done, bytes - done), context.stream()),
                    "cuMemcpyDtoDAsync");
        }
    }

    /** Copies this memory to host memory, in the stream's order. */
    public void copyTo(PinnedMemory target, long offset, long length) {
        check(
                JCudaDriver.cuMemcpyDtoHAsync(target.at(0), at(offset), length, context.stream()),
                "cuMemcpyDtoHAsync");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            // This fails only in a dead context, whose memory is gone.
            JCudaDriver.cuMemFree(address);
            context.returned(bytes);
        }
    }
}
