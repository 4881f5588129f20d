package io.millrace.gpu.device.cuda.driver;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Queues kernels on a context's stream. In a recorded graph, on compute capability 9.0 and later, a
 * kernel may begin before the one before it has ended (programmatic dependent launch); all kernels
 * follow the rules of {@code include/launch.h}. If the driver's call for it is not available,
 * launches are ordinary ones: the same bits, later.
 */
public class KernelQueue {
    private static final Logger LOG = LoggerFactory.getLogger(KernelQueue.class);

    /** Compute capability, times ten. */
    private static final int DEPENDENT_CAPABILITY = 90;

    private static final AtomicBoolean TOLD = new AtomicBoolean();

    private final CUstream stream;

    /** Null: all launches are ordinary ones. */
    private final DriverLibrary library;

    private boolean overlapping = true;
    private boolean recording;
    private boolean settled;

    /**
     * @param capability of the GPU, times ten
     */
    public KernelQueue(CUstream stream, int capability) {
        this.stream = stream;
        library = capability >= DEPENDENT_CAPABILITY ? library() : null;
    }

    /** Null if it is not available, which is logged once. */
    private static DriverLibrary library() {
        try {
            return new DriverLibrary();
        } catch (LinkageError e) {
            if (!TOLD.getAndSet(true)) {
                LOG.warn(
                        "Kernels begin only once the one before has ended, which takes longer and changes no answer:"
                                + " the driver cannot be called through JNA ({}). Put jna.jar on the class path,"
                                + " and have java.io.tmpdir name a folder from which libraries can be loaded.",
                        e.toString());
            }
            return null;
        }
    }

    /** Sets whether kernels of recorded graphs may begin early, where that is available. */
    public void overlap(boolean value) {
        overlapping = value;
    }

    /** Whether kernels of graphs that are recorded from now on begin early. */
    public boolean overlaps() {
        return overlapping && library != null;
    }

    /** Whether the kernel that is queued next can begin before the one before it has ended. */
    public boolean isNextEarly() {
        return recording && !settled && overlaps();
    }

    /** The next kernel begins once all before it have ended. */
    public void settle() {
        settled = true;
    }

    /**
     * Queues a kernel.
     *
     * @param params points to a pointer to {@code struct}
     * @param struct the kernel's one parameter, a direct buffer
     * @return a {@code CUresult}
     */
    public int launch(CUfunction function, KernelLaunch launch, Pointer params, ByteBuffer struct) {
        boolean dependent = isNextEarly();
        settled = false;
        if (dependent) {
            return library.launchDependent(function, launch, struct, stream);
        }
        return JCudaDriver.cuLaunchKernel(
                function,
                launch.x(),
                launch.y(),
                launch.z(),
                launch.threads(),
                1,
                1,
                launch.sharedBytes(),
                stream,
                params,
                null);
    }

    /** Notes that a recording begins, or ends. */
    void record(boolean begins) {
        recording = begins;
        // The first kernel of a graph has none before it.
        settled = begins;
    }

    /** Edges of a graph; null if they cannot be read. */
    GraphEdges edges(CUgraph graph) {
        return library == null ? null : library.edges(graph);
    }
}
