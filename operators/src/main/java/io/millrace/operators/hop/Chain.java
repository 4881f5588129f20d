package io.millrace.operators.hop;

import io.millrace.operators.valve.ValvedSource;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamEdge;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.streaming.api.graph.StreamGraphGenerator;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.streaming.api.graph.StreamingJobGraphGenerator;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamMap;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;
import org.apache.flink.streaming.api.transformations.SourceTransformation;

/**
 * Determines whether an operator behind a stream will be in one chain with the stream's source, by
 * Flink's rules.
 *
 * @param broken what prevents the chain; null if there is one, with a source wrapped for the
 *     pipeline's valve
 */
public record Chain(String broken) {
    private static final String PROBE = "inference";

    /**
     * Inspects a stream: operators before it must not be changed afterwards.
     *
     * @param pipeline {@code PipelineOptions.name} of the operators that will be behind it
     */
    public static Chain behind(DataStream<?> stream, String pipeline) {
        StreamGraph graph = graph(stream);
        StreamNode node =
                graph.getStreamNodes().stream()
                        .filter(each -> each.getOutEdges().isEmpty())
                        .findFirst()
                        .orElseThrow();
        while (!node.getInEdges().isEmpty()) {
            StreamEdge edge = node.getInEdges().get(0);
            StreamNode before = graph.getSourceVertex(edge);
            if (!StreamingJobGraphGenerator.isChainable(edge, graph)) {
                return new Chain(reason(before, edge, node));
            }
            node = before;
        }
        for (Transformation<?> each : stream.getTransformation().getTransitivePredecessors()) {
            if (each instanceof SourceTransformation<?, ?, ?> source
                    && source.getSource() instanceof ValvedSource<?, ?, ?> valved) {
                return new Chain(
                        valved.pipeline().equals(pipeline)
                                ? null
                                : "the source \"%s\" is wrapped for the pipeline %s, not for %s"
                                        .formatted(source.getName(), valved.pipeline(), pipeline));
            }
        }
        return new Chain(
                "the source \"%s\" is not wrapped by Valved.source"
                        .formatted(name(node.getOperatorName())));
    }

    /** Frees the sources before a stream from a valve that they cannot see. */
    static void free(DataStream<?> stream, String pipeline) {
        for (Transformation<?> each : stream.getTransformation().getTransitivePredecessors()) {
            if (each instanceof SourceTransformation<?, ?, ?> source
                    && source.getSource() instanceof ValvedSource<?, ?, ?> valved
                    && valved.pipeline().equals(pipeline)) {
                valved.free();
            }
        }
    }

    /** The job graph up to the stream, with a chainable probe operator behind it. */
    private static <T> StreamGraph graph(DataStream<T> stream) {
        StreamExecutionEnvironment env = stream.getExecutionEnvironment();
        TypeInformation<T> type = stream.getType();
        OneInputTransformation<T, T> probe =
                new OneInputTransformation<>(
                        stream.getTransformation(),
                        PROBE,
                        SimpleOperatorFactory.of(new StreamMap<T, T>(value -> value)),
                        type,
                        stream.getParallelism());
        probe.setUid("millrace-probe");
        return new StreamGraphGenerator(
                        List.of(probe),
                        env.getConfig(),
                        env.getCheckpointConfig(),
                        Configuration.fromMap(env.getConfiguration().toMap()))
                .generate();
    }

    private static String reason(StreamNode before, StreamEdge edge, StreamNode node) {
        String from = name(before.getOperatorName());
        String to = name(node.getOperatorName());
        if (node.getInEdges().size() > 1) {
            return "\"%s\" has %d inputs".formatted(to, node.getInEdges().size());
        }
        if (before.getParallelism() != node.getParallelism()) {
            return "the parallelism of \"%s\" is %d, that of \"%s\" is %d"
                    .formatted(from, before.getParallelism(), to, node.getParallelism());
        }
        String partitioner = String.valueOf(edge.getPartitioner());
        return partitioner.equals("FORWARD")
                ? "\"%s\" and \"%s\" must not be chained, as the job says".formatted(from, to)
                : "records go from \"%s\" to \"%s\" by %s".formatted(from, to, partitioner);
    }

    /** The name of an operator without the prefix that Flink gives sources. */
    private static String name(String operator) {
        return operator.startsWith("Source: ") ? operator.substring(8) : operator;
    }
}
