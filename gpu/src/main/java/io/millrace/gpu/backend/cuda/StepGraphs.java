package io.millrace.gpu.backend.cuda;

import static io.millrace.gpu.backend.cuda.CudaDriver.check;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/**
 * Records the launches of a step, one graph for each bucket of tokens and kind of step, and runs
 * them as one. The first such step runs kernel by kernel, since loading a kernel cannot be
 * recorded; the second is recorded.
 */
final class StepGraphs implements AutoCloseable {
    private final CudaContext context;
    private final Set<Integer> seen = new HashSet<>();
    private final Map<Integer, CUgraphExec> graphs = new HashMap<>();

    StepGraphs(CudaContext context) {
        this.context = context;
    }

    /**
     * Queues the step's kernels.
     *
     * @param decode whether every row has one token
     * @param launches queues them one by one; the same ones for each step of the bucket and kind
     */
    void run(int bucket, boolean decode, Runnable launches) {
        if (bucket > TokenBuckets.MOST_RECORDED) {
            launches.run();
        } else {
            run(decode ? -bucket : bucket, launches);
        }
    }

    /**
     * Queues kernels.
     *
     * @param key names them: the same ones each time
     */
    void run(int key, Runnable launches) {
        CUgraphExec graph = graphs.get(key);
        if (graph == null && seen.add(key)) {
            launches.run();
            return;
        }
        if (graph == null) {
            graph = record(launches);
            graphs.put(key, graph);
        }
        check(JCudaDriver.cuGraphLaunch(graph, context.stream()), "cuGraphLaunch");
    }

    private CUgraphExec record(Runnable launches) {
        CUgraph recorded = new CUgraph();
        // Of this thread alone: what other threads allocate meanwhile must not end the recording.
        check(
                JCudaDriver.cuStreamBeginCapture(
                        context.stream(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        try {
            launches.run();
        } finally {
            check(JCudaDriver.cuStreamEndCapture(context.stream(), recorded), "cuStreamEndCapture");
        }
        CUgraphExec graph = new CUgraphExec();
        int result = JCudaDriver.cuGraphInstantiate(graph, recorded, 0);
        JCudaDriver.cuGraphDestroy(recorded);
        check(result, "cuGraphInstantiate");
        context.taken(0);
        return graph;
    }

    @Override
    public void close() {
        for (CUgraphExec graph : graphs.values()) {
            JCudaDriver.cuGraphExecDestroy(graph);
            context.returned(0);
        }
        graphs.clear();
    }
}
