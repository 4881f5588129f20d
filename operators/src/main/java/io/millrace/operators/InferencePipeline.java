package io.millrace.operators;

import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.hop.Chain;
import io.millrace.operators.hop.Hop;
import io.millrace.operators.inference.InferenceOperatorFactory;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.RecordTimestamps;
import io.millrace.operators.record.WireType;
import io.millrace.operators.request.RequestValidator;
import io.millrace.operators.valve.ValvedSource;
import io.millrace.operators.valve.ValvedWatermarks;
import java.util.Locale;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Builds the operators from records to a stream of their outcomes: all in one chain with the
 * source, or behind a hop over the network.
 */
public final class InferencePipeline {
    private static final Logger LOG = LoggerFactory.getLogger(InferencePipeline.class);

    private InferencePipeline() {}

    /** As the method below, without watermarks. */
    public static DataStream<Outcome> build(
            StreamExecutionEnvironment env,
            Source<Inbound, ?, ?> source,
            String sourceName,
            PipelineOptions options) {
        return build(env, source, sourceName, WatermarkStrategy.noWatermarks(), options);
    }

    /**
     * Builds the pipeline at the environment's parallelism. Operator uids start with {@link
     * PipelineOptions#name} and do not change between releases.
     *
     * <p>A bounded source runs in streaming mode, for checkpoints; batch mode is refused. {@link
     * Partitioning#PREFIX} enables unaligned checkpoints in the environment.
     *
     * @param sourceName name of the source in the web UI
     * @param watermarks strategy for the records' timestamps; {@code withIdleness} is safe, since a
     *     paused source does not count as idle. A watermark is emitted once nothing that came
     *     before it is in flight.
     * @return one outcome per record, with the record's timestamp
     */
    public static DataStream<Outcome> build(
            StreamExecutionEnvironment env,
            Source<Inbound, ?, ?> source,
            String sourceName,
            WatermarkStrategy<Inbound> watermarks,
            PipelineOptions options) {
        requireStreaming(env);
        DataStream<Inbound> read =
                env.fromSource(
                                ValvedSource.of(source, WireType.INBOUND, options.name()),
                                new ValvedWatermarks<>(
                                        new RecordTimestamps(watermarks), options.name()),
                                sourceName,
                                WireType.INBOUND)
                        .uid(options.name() + "-source");
        return options.partitioning() == Partitioning.PREFIX
                ? overNetwork(read, options)
                : chained(read, options);
    }

    /**
     * Builds the pipeline behind a stream of requests. If their source is wrapped by {@link
     * Valved#source} and Flink chains all operators between, the pipeline is in the same chain, at
     * the stream's parallelism and with the same guarantees as for a source. Otherwise there is a
     * hop over the network, at the environment's parallelism; its costs are logged and printed to
     * standard error.
     *
     * <p>Outcomes have their records' timestamps ({@code Origin.timestamp}), not those of the
     * stream's elements. Ids must be unique among the requests in flight.
     *
     * @param requests requests made by {@link Inbound#of}; operators before it must not be changed
     *     afterwards
     * @return one outcome per record
     * @throws IllegalArgumentException batch mode, or chaining is off; static batching or order
     *     behind a hop
     */
    public static DataStream<Outcome> build(DataStream<Inbound> requests, PipelineOptions options) {
        requireStreaming(requests.getExecutionEnvironment());
        // A hop that the options request needs no notice.
        if (options.partitioning() != Partitioning.PREFIX) {
            String broken = Chain.behind(requests, options.name()).broken();
            if (broken == null) {
                return chained(requests, options);
            }
            String costs = Hop.costs(broken);
            LOG.warn(costs);
            System.err.println("millrace: " + costs);
        }
        return overNetwork(requests, options);
    }

    private static DataStream<Outcome> overNetwork(
            DataStream<Inbound> requests, PipelineOptions options) {
        DataStream<Inbound> sent = validated(requests, Hop.senderUid(options), true, options);
        return answered(Hop.over(sent, options), options);
    }

    private static DataStream<Outcome> chained(
            DataStream<Inbound> requests, PipelineOptions options) {
        return answered(
                validated(requests, options.name() + "-validator", false, options), options);
    }

    /**
     * @param readAll whether long records are read here, for a hop by prefix
     */
    private static DataStream<Inbound> validated(
            DataStream<Inbound> requests, String uid, boolean readAll, PipelineOptions options) {
        return requests.map(new RequestValidator(options.engine().modelName(), readAll))
                .returns(WireType.INBOUND)
                .name("validate")
                .uid(uid)
                .setParallelism(requests.getParallelism());
    }

    /** At the parallelism of the operator before. */
    private static DataStream<Outcome> answered(
            DataStream<Inbound> validated, PipelineOptions options) {
        String uid = options.name();
        int parallelism = validated.getParallelism();
        return validated
                .transform(
                        "micro-batch (" + options.batching().name().toLowerCase(Locale.ROOT) + ")",
                        WireType.MICRO_BATCH,
                        new MicroBatchOperatorFactory(options))
                .uid(uid + "-micro-batch")
                .setParallelism(parallelism)
                .transform(
                        "inference (" + options.engine().modelName() + ")",
                        WireType.OUTCOME,
                        new InferenceOperatorFactory(options))
                .uid(uid + "-inference")
                // Flink's busy time is that of the task's thread, which waits for the engine.
                .setDescription(
                        "inference (%s), load: metrics engine_busy, saturation"
                                .formatted(options.engine().modelName()))
                .setParallelism(parallelism);
    }

    /** Refuses batch mode, which automatic mode selects for bounded sources. */
    private static void requireStreaming(StreamExecutionEnvironment env) {
        if (env.getConfiguration().get(ExecutionOptions.RUNTIME_MODE)
                == RuntimeExecutionMode.BATCH) {
            throw new IllegalArgumentException(
                    "The runtime mode is BATCH, which has no checkpoints: a failure would begin"
                            + " again at the first request. Set "
                            + ExecutionOptions.RUNTIME_MODE.key()
                            + " to STREAMING; a bounded source ends in it as well.");
        }
        env.setRuntimeMode(RuntimeExecutionMode.STREAMING);
        if (!env.isChainingEnabled()) {
            throw new IllegalArgumentException(
                    "Operator chaining is off (pipeline.operator-chaining.enabled), but only"
                            + " operators in one chain can hold records back; switch it on.");
        }
    }
}
