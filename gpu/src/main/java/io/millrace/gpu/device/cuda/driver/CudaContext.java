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
 * The context of one engine on one GPU, with its stream and a count of all device resources that
 * are allocated and not freed. One thread at a time, after {@link #enter}.
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

    /** Opens the GPU of an index, as this process counts GPUs. */
    public static CudaContext open(int index) throws GpuException {
        CudaDriver.start();
        return new CudaContext(index, CudaDriver.device(index));
    }

    /** Binds the calling thread to this context. */
    public void enter() {
        check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** Display name, such as GPU 0 (NVIDIA H100 80GB HBM3). */
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

    /** Limits of a launch. */
    public DeviceLimits limits() {
        return limits;
    }

    public CUstream stream() {
        return stream;
    }

    /** The queue of kernels of the stream. */
    public KernelQueue queue() {
        return queue;
    }

    /** Replaces the queue; for a test that queues more than the kernels. */
    public void queue(KernelQueue other) {
        queue = other;
    }

    /** Free bytes of the GPU. */
    public long freeBytes() {
        return memory()[0];
    }

    /** Total bytes of the GPU. */
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
     * Allocates device memory, filled with zeros.
     *
     * @param what display name of its purpose
     * @param remedy the option to change if there is not enough memory
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

    /** Waits for all work of the stream. */
    public void synchronize(String doing) {
        check(JCudaDriver.cuStreamSynchronize(stream), doing);
    }

    /** Waits for all work of the stream; a dead context has none. */
    public void settle() {
        JCudaDriver.cuCtxSetCurrent(context);
        JCudaDriver.cuStreamSynchronize(stream);
    }

    /** Number of resources that are allocated: memory, modules, events, graphs. */
    public int handles() {
        return handles;
    }

    /** Bytes of device memory that are allocated. */
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

    /** Closes the context. All resources must have been freed. */
    @Override
    public void close() {
        abandon();
        if (handles != 0) {
            throw new IllegalStateException(
                    "%d handles and %d bytes of %s were not given back."
                            .formatted(handles, bytes, title()));
        }
    }

    /**
     * Closes the context after a failure, which matters more than resources that were not freed.
     */
    public void abandon() {
        if (!closed) {
            closed = true;
            // The resources of a dead context cannot be freed, and need not be.
            JCudaDriver.cuCtxSetCurrent(context);
            JCudaDriver.cuStreamDestroy(stream);
            JCudaDriver.cuDevicePrimaryCtxRelease(device);
        }
    }
}
