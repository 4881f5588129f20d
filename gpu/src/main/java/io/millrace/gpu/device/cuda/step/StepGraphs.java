package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.RecordedGraph;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.kernel.TokenBuckets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Records the launches of a step, one graph for each bucket of tokens and kind of step, and queues
 * them as one. The first such step runs kernel by kernel, since loading a kernel cannot be
 * recorded; the second is recorded.
 */
public final class StepGraphs implements AutoCloseable {
    /** Whether it decodes, whether rows share chunks, and how its rows are sampled. */
    static final int KINDS = 4 * SampleLaunches.KINDS;

    private final CudaContext context;
    private final Set<Integer> seen = new HashSet<>();
    private final Map<Integer, RecordedGraph> graphs = new HashMap<>();

    /** Kind of a step whose kernels are queued one by one. */
    public static final int UNRECORDED = -1;

    public StepGraphs(CudaContext context) {
        this.context = context;
    }

    /**
     * Queues the step's kernels.
     *
     * @param kind kind of step, below {@link #KINDS}, or {@link #UNRECORDED}
     * @param launches queues them one by one; the same launches for each step of the bucket and
     *     kind
     */
    public void run(int bucket, int kind, Runnable launches) {
        if (kind == UNRECORDED || bucket > TokenBuckets.MOST_RECORDED) {
            launches.run();
        } else {
            run(KINDS * bucket + kind, launches);
        }
    }

    private void run(int key, Runnable launches) {
        RecordedGraph graph = graphs.get(key);
        if (graph == null && seen.add(key)) {
            launches.run();
            return;
        }
        if (graph == null) {
            graph = RecordedGraph.record(context, launches);
            graphs.put(key, graph);
        }
        graph.launch();
    }

    @Override
    public void close() {
        graphs.values().forEach(RecordedGraph::close);
        graphs.clear();
    }
}
