package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/** A recorded CUDA graph: launches that are queued as one. */
public final class RecordedGraph implements AutoCloseable {
    private final CudaContext context;
    private final CUgraphExec graph;
    private final GraphEdges edges;
    private boolean closed;

    private RecordedGraph(CudaContext context, CUgraphExec graph, GraphEdges edges) {
        this.context = context;
        this.graph = graph;
        this.edges = edges;
        context.taken(0);
    }

    /**
     * Records launches instead of running them.
     *
     * @param launches queues kernels on the context's stream; all of them must have run before,
     *     since loading a kernel cannot be recorded
     */
    public static RecordedGraph record(CudaContext context, Runnable launches) {
        CUgraph recorded = new CUgraph();
        // The recording is of this thread alone: allocations of other threads must not end it.
        check(
                JCudaDriver.cuStreamBeginCapture(
                        context.stream(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        context.queue().record(true);
        try {
            launches.run();
        } finally {
            context.queue().record(false);
            check(JCudaDriver.cuStreamEndCapture(context.stream(), recorded), "cuStreamEndCapture");
        }
        GraphEdges edges = context.queue().edges(recorded);
        CUgraphExec graph = new CUgraphExec();
        int result = JCudaDriver.cuGraphInstantiate(graph, recorded, 0);
        JCudaDriver.cuGraphDestroy(recorded);
        check(result, "cuGraphInstantiate");
        return new RecordedGraph(context, graph, edges);
    }

    /** Edges between its kernels; null if they cannot be read. */
    public GraphEdges edges() {
        return edges;
    }

    /** Queues the graph. */
    public void launch() {
        check(JCudaDriver.cuGraphLaunch(graph, context.stream()), "cuGraphLaunch");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            JCudaDriver.cuGraphExecDestroy(graph);
            context.returned(0);
        }
    }
}
