package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import java.util.Locale;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/**
 * One engine's hold on one GPU: the context, its stream, and the count of all that was taken from
 * the device and not given back. One thread at a time, after {@link #enter}.
 */
public final class CudaContext implements AutoCloseable {
    private static final double MIB = 1 << 20;

    private final int index;
    private final CUdevice device;
    private final CUcontext context = new CUcontext();
    private final CUstream stream = new CUstream();
    private final String name;
    private final int capability;
    private final int multiprocessors;
    private final DeviceLimits limits;
    private KernelQueue queue;
    private int handles;
    private long bytes;
    private boolean closed;

    private CudaContext(int index, CUdevice device) {
        this.index = index;
        this.device = device;
        name = CudaDriver.name(device);
        capability = CudaDriver.capability(device);
        multiprocessors = CudaDriver.attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        limits = CudaDriver.limits(device);
        check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
        enter();
        check(
                JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING),
                "cuStreamCreate");
        queue = new KernelQueue(stream, capability);
    }

    /** Takes the GPU of that index, as this process counts them. */
    public static CudaContext open(int index) throws GpuException {
        CudaDriver.start();
        return new CudaContext(index, CudaDriver.device(index));
    }

    /** Makes the calling thread's driver calls go to this GPU. */
    public void enter() {
        check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** For people: GPU 0 (NVIDIA H100 80GB HBM3). */
    public String title() {
        return "GPU %d (%s)".formatted(index, name);
    }

    /** Compute capability, times ten. */
    public int capability() {
        return capability;
    }

    public int multiprocessors() {
        return multiprocessors;
    }

    /** What a launch may ask of it. */
    public DeviceLimits limits() {
        return limits;
    }

    public CUstream stream() {
        return stream;
    }

    /** Puts kernels on the stream. */
    public KernelQueue queue() {
        return queue;
    }

    /** Has kernels queued by another; for a test, which queues more than them. */
    public void queue(KernelQueue other) {
        queue = other;
    }

    /** Bytes that could be allocated now. */
    public long freeBytes() {
        return memory()[0];
    }

    /** Bytes that the GPU has. */
    public long totalBytes() {
        return memory()[1];
    }

    private static long[] memory() {
        long[] free = {0};
        long[] total = {0};
        check(JCudaDriver.cuMemGetInfo(free, total), "cuMemGetInfo");
        return new long[] {free[0], total[0]};
    }

    /**
     * Takes device memory, filled with zeros.
     *
     * @param what it is for, for people
     * @param remedy which option to turn if there is not enough
     */
    public DeviceMemory allocate(String what, long size, String remedy) throws GpuException {
        Address address = new Address();
        int result = JCudaDriver.cuMemAlloc(address, size);
        if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            throw outOfMemory(what, size, remedy);
        }
        check(result, "cuMemAlloc of %d bytes for %s".formatted(size, what));
        DeviceMemory memory = new DeviceMemory(this, address, size);
        memory.fill(0);
        return memory;
    }

    public GpuException outOfMemory(String what, long size, String remedy) {
        long[] now = memory();
        return new GpuException(
                String.format(
                        Locale.ROOT,
                        "%s asks for %.0f MiB on %s, which has %.0f MiB free of %.0f: %s.",
                        what,
                        Math.ceil(size / MIB),
                        title(),
                        now[0] / MIB,
                        now[1] / MIB,
                        remedy));
    }

    /** Waits until the stream has done all that it was given. */
    public void synchronize(String doing) {
        check(JCudaDriver.cuStreamSynchronize(stream), doing);
    }

    /** Waits until the stream has nothing to do. In a dead context it has not. */
    public void settle() {
        JCudaDriver.cuCtxSetCurrent(context);
        JCudaDriver.cuStreamSynchronize(stream);
    }

    /** What was taken and is not back yet: memory, modules, events, graphs. */
    public int handles() {
        return handles;
    }

    /** Device bytes that were taken and are not back yet. */
    public long bytes() {
        return bytes;
    }

    public void taken(long size) {
        handles++;
        bytes += size;
    }

    public void returned(long size) {
        handles--;
        bytes -= size;
    }

    /** Lets the GPU go. Whatever was taken has to be back. */
    @Override
    public void close() {
        abandon();
        if (handles != 0) {
            throw new IllegalStateException(
                    "%d handles and %d bytes of %s were not given back."
                            .formatted(handles, bytes, title()));
        }
    }

    /** Lets the GPU go after a failure, which counts more than what was not given back. */
    public void abandon() {
        if (!closed) {
            closed = true;
            // Of a dead context, nothing has to be given back, and nothing can.
            JCudaDriver.cuCtxSetCurrent(context);
            JCudaDriver.cuStreamDestroy(stream);
            JCudaDriver.cuDevicePrimaryCtxRelease(device);
        }
    }
}
