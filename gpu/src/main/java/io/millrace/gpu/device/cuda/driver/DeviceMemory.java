package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** A piece of the GPU's memory. */
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

    /** Where it begins, as kernels see it. */
    public long address() {
        return address.value();
    }

    public long bytes() {
        return bytes;
    }

    /** Where its byte {@code offset} is, for a copy. */
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
     * Copies host memory to here, in the stream's order; the source has to stay as it is until
     * then.
     */
    public void copyFrom(PinnedMemory source, long sourceOffset, long offset, long length) {
        check(
                JCudaDriver.cuMemcpyHtoDAsync(
                        at(offset), source.at(sourceOffset), length, context.stream()),
                "cuMemcpyHtoDAsync");
    }

    /** Copies another piece's memory to here, in the stream's order. */
    public void copyFrom(DeviceMemory source, long sourceOffset, long offset, long length) {
        check(
                JCudaDriver.cuMemcpyDtoDAsync(
                        at(offset), source.at(sourceOffset), length, context.stream()),
                "cuMemcpyDtoDAsync");
    }

    /**
     * Sets bytes to 0: {@code count} runs of {@code length}, one each {@code pitch} bytes.
     *
     * @param offset of the first run
     */
    public void clear(long offset, long pitch, long length, long count) {
        check(
                JCudaDriver.cuMemsetD2D8Async(
                        at(offset), pitch, (byte) 0, length, count, context.stream()),
                "cuMemsetD2D8Async");
    }

    /**
     * Copies what lies in the first bytes over all that follows, again and again.
     *
     * @param first how many bytes, at most all
     */
    public void repeat(long first) {
        // Twice as much each time: each copy reads what the ones before have written.
        for (long done = first; done < bytes; done *= 2) {
            check(
                    JCudaDriver.cuMemcpyDtoDAsync(
                            at(done), at(0), Math.min(done, bytes - done), context.stream()),
                    "cuMemcpyDtoDAsync");
        }
    }

    /** Copies from here to host memory, in the stream's order. */
    public void copyTo(PinnedMemory target, long offset, long length) {
        check(
                JCudaDriver.cuMemcpyDtoHAsync(target.at(0), at(offset), length, context.stream()),
                "cuMemcpyDtoHAsync");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            // Fails in a dead context only, which has taken its memory along.
            JCudaDriver.cuMemFree(address);
            context.returned(bytes);
        }
    }
}
