package io.millrace.gpu.device.cuda.kernel;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;
import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK;
import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES;

import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.driver.KernelQueue;
import io.millrace.gpu.device.cuda.struct.KernelParams;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/** A kernel that is loaded on the device. */
public final class Kernel {
    /** Dynamic shared memory above which a kernel has to opt in. */
    private static final int SHARED_BYTES_OF_ALL = 48 << 10;

    private final String name;
    private final CUfunction function;
    private int allowedShared = SHARED_BYTES_OF_ALL;

    Kernel(String name, CUfunction function) {
        this.name = name;
        this.function = function;
    }

    String name() {
        return name;
    }

    /**
     * Refuses a launch that exceeds the GPU's limits.
     *
     * @param gpu display name of the GPU
     */
    public void checkLaunch(DeviceLimits limits, String gpu, KernelLaunch launch)
            throws GpuException {
        limits.check(
                gpu,
                launch,
                attribute(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES),
                attribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK));
    }

    private int attribute(int attribute) {
        int[] value = {0};
        check(JCudaDriver.cuFuncGetAttribute(value, attribute, function), "cuFuncGetAttribute");
        return value[0];
    }

    /**
     * Queues a launch.
     *
     * @param op name of the op, for an error
     * @param launch the configuration; its kernel is this one
     */
    public void launch(String op, KernelParams params, KernelLaunch launch, KernelQueue queue) {
        params.check();
        int sharedBytes = launch.sharedBytes();
        if (sharedBytes > allowedShared) {
            check(
                    JCudaDriver.cuFuncSetAttribute(
                            function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes),
                    "%d bytes of shared memory for %s".formatted(sharedBytes, name));
            allowedShared = sharedBytes;
        }
        int result = queue.launch(function, launch, params.pointer(), params.buffer());
        if (result != 0) {
            check(
                    result,
                    "%s, kernel %s, grid (%d, %d, %d) of %d threads with %d bytes of shared memory, %s,"
                            .formatted(
                                    op,
                                    name,
                                    launch.x(),
                                    launch.y(),
                                    launch.z(),
                                    launch.threads(),
                                    sharedBytes,
                                    params));
        }
    }
}
