package io.millrace.gpu.device.cuda.driver;

import java.io.IOException;
import java.nio.file.Path;

/** The driver and the GPU that the kernels need, and the errors if these are missing. */
public final class GpuRequirements {
    /** The least CUDA release of the driver, as cuDriverGetVersion returns it. */
    private static final int CUDA = 13_000;

    private static final String DRIVER = "580";

    /** Compute capability, times ten. */
    private static final int CAPABILITY = 80;

    private GpuRequirements() {}

    public static GpuException noKernels() {
        return new GpuException(
                "This build has no GPU kernels: build it where there is nvcc of CUDA 13, or take"
                        + " the device cpu.");
    }

    public static GpuException noDriver(Throwable cause) {
        return new GpuException(
                "There is no NVIDIA driver on this machine (libcuda.so.1 cannot be loaded): install"
                        + " driver "
                        + DRIVER
                        + " or later, or take the device cpu.",
                cause);
    }

    static GpuException noLibrary(Path file, IOException cause) {
        return new GpuException(
                "JCuda's library cannot be written to %s (%s): make room there, or have java.io.tmpdir name another folder."
                        .formatted(file, cause),
                cause);
    }

    static GpuException noGpu(String error) {
        return new GpuException(
                "The NVIDIA driver finds no GPU (%s): give this process one, or take the device cpu."
                        .formatted(error));
    }

    static void checkDriver(int cuda) throws GpuException {
        if (cuda < CUDA) {
            throw new GpuException(
                    "The NVIDIA driver is one for CUDA %d.%d, and the kernels need CUDA %d.%d: install driver %s or later, or take the device cpu."
                            .formatted(
                                    cuda / 1000,
                                    cuda % 1000 / 10,
                                    CUDA / 1000,
                                    CUDA % 1000 / 10,
                                    DRIVER));
        }
    }

    static void checkIndex(int index, int count) throws GpuException {
        if (count == 0) {
            throw noGpu("it counts 0");
        }
        if (index >= count) {
            throw new GpuException(
                    "There is no GPU %d: this process sees %d, counted from 0."
                            .formatted(index, count));
        }
    }

    /**
     * @param capability compute capability, times ten
     */
    static void checkCapability(int index, String name, int capability) throws GpuException {
        if (capability < CAPABILITY) {
            throw new GpuException(
                    "GPU %d (%s) has compute capability %d.%d, and the kernels need %d.%d or later: take another, or the device cpu."
                            .formatted(
                                    index,
                                    name,
                                    capability / 10,
                                    capability % 10,
                                    CAPABILITY / 10,
                                    CAPABILITY % 10));
        }
    }
}
