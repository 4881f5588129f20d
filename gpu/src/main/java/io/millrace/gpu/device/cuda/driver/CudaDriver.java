package io.millrace.gpu.device.cuda.driver;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * Initializes the NVIDIA driver and checks the results of its calls. No other class may use JCuda
 * first: without a driver, JCuda's classes cannot even be initialized.
 */
public final class CudaDriver {
    private CudaDriver() {}

    /** Whether the system has a running NVIDIA driver. Loads no native code. */
    public static boolean isInstalled() {
        // The second device is that of WSL.
        return Files.exists(Path.of("/dev/nvidiactl")) || Files.exists(Path.of("/dev/dxg"));
    }

    /** Loads the driver; safe to call again. */
    public static void start() throws GpuException {
        int result;
        int[] version = {0};
        JCudaLibrary.place(Path.of(System.getProperty("java.io.tmpdir")));
        try {
            JCudaDriver.setExceptionsEnabled(false);
            result = JCudaDriver.cuInit(0);
            JCudaDriver.cuDriverGetVersion(version);
        } catch (LinkageError e) {
            // The first use throws an UnsatisfiedLinkError, all later ones a NoClassDefFoundError.
            throw GpuRequirements.noDriver(e);
        }
        if (result == CUresult.CUDA_ERROR_STUB_LIBRARY) {
            throw GpuRequirements.noDriver(null);
        }
        if (version[0] > 0) {
            GpuRequirements.checkDriver(version[0]);
        }
        if (result != CUresult.CUDA_SUCCESS) {
            throw GpuRequirements.noGpu(errorName(result));
        }
    }

    /** The GPU of an index, checked against {@link GpuRequirements}. */
    public static CUdevice device(int index) throws GpuException {
        int[] count = {0};
        check(JCudaDriver.cuDeviceGetCount(count), "cuDeviceGetCount");
        GpuRequirements.checkIndex(index, count[0]);
        CUdevice device = new CUdevice();
        check(JCudaDriver.cuDeviceGet(device, index), "cuDeviceGet");
        GpuRequirements.checkCapability(index, name(device), capability(device));
        return device;
    }

    /** The GPU's model name, such as NVIDIA H100 80GB HBM3. */
    static String name(CUdevice device) {
        byte[] name = new byte[256];
        check(JCudaDriver.cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
        int length = 0;
        while (length < name.length && name[length] != 0) {
            length++;
        }
        return new String(name, 0, length, StandardCharsets.UTF_8);
    }

    /** Compute capability, times ten. */
    static int capability(CUdevice device) {
        return 10 * attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
                + attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    }

    /** Limits of a launch. */
    static DeviceLimits limits(CUdevice device) {
        return new DeviceLimits(
                capability(device),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z));
    }

    static int attribute(CUdevice device, int attribute) {
        int[] value = {0};
        check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }

    /** The driver's name for an error, such as CUDA_ERROR_OUT_OF_MEMORY. */
    static String errorName(int result) {
        String[] name = {null};
        JCudaDriver.cuGetErrorName(result, name);
        return name[0] == null ? "CUDA error " + result : name[0];
    }

    /**
     * Throws unless a call succeeded.
     *
     * @param doing the call, or op, kernel and shapes, for the message
     * @throws DeviceException the call failed
     * @throws InternalError the context is dead, and with it all that this process has on the GPU.
     *     Only a new process helps: Flink ends a TaskManager that throws this
     */
    public static void check(int result, String doing) {
        if (result != CUresult.CUDA_SUCCESS) {
            throw failure(result, doing);
        }
    }

    /** Whether the error is sticky: then every further call fails too, so this makes one. */
    private static RuntimeException failure(int result, String doing) {
        String name = errorName(result);
        int after = JCudaDriver.cuCtxSynchronize();
        if (after != CUresult.CUDA_SUCCESS
                && after != CUresult.CUDA_ERROR_INVALID_CONTEXT
                && after != CUresult.CUDA_ERROR_NOT_INITIALIZED) {
            throw new InternalError(
                    "The GPU's context is dead after %s: %s; this process has to be started anew."
                            .formatted(doing, name));
        }
        return new DeviceException("%s failed: %s".formatted(doing, name));
    }
}
