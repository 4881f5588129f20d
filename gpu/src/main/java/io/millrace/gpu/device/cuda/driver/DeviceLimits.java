package io.millrace.gpu.device.cuda.driver;

/**
 * Limits of a kernel launch on a GPU.
 *
 * @param capability its compute capability, times ten
 * @param threads most threads of a CTA
 * @param sharedBytes most shared memory of a CTA, static and dynamic together, for a kernel that
 *     opts in to more than the default
 * @param gridX most CTAs in x
 * @param gridY most CTAs in y
 * @param gridZ most CTAs in z
 */
public record DeviceLimits(
        int capability, int threads, int sharedBytes, int gridX, int gridY, int gridZ) {
    /** The same limits, except for the shared memory of a CTA. */
    public DeviceLimits withSharedBytes(int bytes) {
        return new DeviceLimits(capability, threads, bytes, gridX, gridY, gridZ);
    }

    /**
     * Refuses a launch that exceeds the limits.
     *
     * @param gpu its display name
     * @param staticBytes the kernel's static shared memory
     * @param kernelThreads most threads of a CTA that the kernel's registers allow
     */
    public void check(String gpu, KernelLaunch launch, int staticBytes, int kernelThreads)
            throws GpuException {
        int shared = staticBytes + launch.sharedBytes();
        if (shared > sharedBytes) {
            throw new GpuException(
                    "The kernel %s asks for %d bytes of shared memory a thread block, and %s has %d: take another GPU, or the device cpu."
                            .formatted(launch.kernel(), shared, gpu, sharedBytes));
        }
        int most = Math.min(threads, kernelThreads);
        if (launch.threads() > most) {
            throw new GpuException(
                    "The kernel %s asks for %d threads a thread block, and %s runs it with %d at most: take another GPU, or the device cpu."
                            .formatted(launch.kernel(), launch.threads(), gpu, most));
        }
        if (launch.x() > gridX || launch.y() > gridY || launch.z() > gridZ) {
            throw new GpuException(
                    "The kernel %s asks for a grid of (%d, %d, %d) thread blocks, and %s takes (%d, %d, %d) at most: lower --max-batched-tokens or --max-sequences, or take the device cpu."
                            .formatted(
                                    launch.kernel(),
                                    launch.x(),
                                    launch.y(),
                                    launch.z(),
                                    gpu,
                                    gridX,
                                    gridY,
                                    gridZ));
        }
    }
}
