package io.millrace.gpu.device.cuda.timing;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.RecordedGraph;
import java.util.Arrays;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Times kernels in a recorded graph, by events on the GPU. Before each run, memory larger than the
 * L2 cache is written, so that the run finds no data of the one before there.
 *
 * <pre>
 * stream   | memory is written | event | graph: all kernels, several passes | event |
 *                              &lt;-------- timed --------------------&gt;
 * </pre>
 *
 * The host queues all of this while memory is written, so the time includes none of the host's. The
 * first event comes a few microseconds before the graph's first kernel.
 */
final class GraphTimer implements AutoCloseable {
    /** The L2 of an H100 or H200 holds 50 MB. */
    private static final long FLUSH_BYTES = 256 << 20;

    private static final int WARM_UPS = 2;

    private final CudaContext context;
    private final DeviceMemory flushed;
    private final CUevent began;
    private final CUevent ended;

    GraphTimer(CudaContext context) throws GpuException {
        this.context = context;
        flushed =
                context.allocate(
                        "Emptying the L2 cache", FLUSH_BYTES, "lower --gpu-memory-utilization");
        CUevent first = null;
        CUevent second = null;
        try {
            first = event();
            second = event();
        } finally {
            if (second == null) {
                destroy(first);
                flushed.close();
            }
        }
        began = first;
        ended = second;
    }

    private CUevent event() {
        CUevent event = new CUevent();
        check(JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DEFAULT), "cuEventCreate");
        context.taken(0);
        return event;
    }

    private void destroy(CUevent event) {
        if (event != null) {
            JCudaDriver.cuEventDestroy(event);
            context.returned(0);
        }
    }

    /**
     * Median microseconds of one pass.
     *
     * @param launches queues kernels, all of which have run before
     * @param passes number of times that {@code launches} is recorded, one after the other
     * @param repeats number of times that the graph is timed, after a warm-up
     */
    double micros(Runnable launches, int passes, int repeats) {
        double[] millis = new double[repeats];
        try (RecordedGraph graph =
                RecordedGraph.record(
                        context,
                        () -> {
                            for (int i = 0; i < passes; i++) {
                                launches.run();
                            }
                        })) {
            for (int i = -WARM_UPS; i < repeats; i++) {
                double each = run(graph, i);
                if (i >= 0) {
                    millis[i] = each;
                }
            }
        }
        Arrays.sort(millis);
        return millis[repeats / 2] * 1e3 / passes;
    }

    private double run(RecordedGraph graph, int value) {
        flushed.fill(value);
        check(JCudaDriver.cuEventRecord(began, context.stream()), "cuEventRecord");
        graph.launch();
        check(JCudaDriver.cuEventRecord(ended, context.stream()), "cuEventRecord");
        check(JCudaDriver.cuEventSynchronize(ended), "cuEventSynchronize");
        float[] millis = {0};
        check(JCudaDriver.cuEventElapsedTime(millis, began, ended), "cuEventElapsedTime");
        return millis[0];
    }

    @Override
    public void close() {
        destroy(ended);
        destroy(began);
        flushed.close();
    }
}
