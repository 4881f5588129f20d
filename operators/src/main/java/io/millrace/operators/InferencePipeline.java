package io.millrace.operators;

import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.hop.PrefixHop;
import io.millrace.operators.inference.InferenceOperatorFactory;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.RecordTimestamps;
import io.millrace.operators.record.RequestValidator;
import io.millrace.operators.record.WireType;
import io.millrace.operators.valve.ValvedSource;
import io.millrace.operators.valve.ValvedWatermarks;
import java.util.Locale;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Puts the operators between a source of records and a stream of their outcomes together: all in
 * one chain, or with {@link Partitioning#PREFIX} in two chains with the network between them.
 */
public final class InferencePipeline {
    private InferencePipeline() {}

    /** As the other one, without watermarks. */
    public static DataStream<Outcome> build(
            StreamExecutionEnvironment env,
            Source<Inbound, ?, ?> source,
            String sourceName,
            PipelineOptions options) {
        return build(env, source, sourceName, WatermarkStrategy.noWatermarks(), options);
    }

    /**
     * Builds the pipeline at the environment's parallelism. Operator uids start with {@link
     * PipelineOptions#name}, so they stay the same from release to release.
     *
     * <p>A bounded source runs in streaming mode, so that there are checkpoints; an environment in
     * batch mode is refused. With {@link Partitioning#PREFIX} the environment's checkpoints become
     * unaligned ones.
     *
     * @param sourceName name of the source in the web UI
     * @param watermarks made from the records' own timestamps; {@code withIdleness} is right here,
     *     since a paused source does not count as idle. A watermark leaves once nothing that came
     *     before it is in flight.
     * @return one outcome per record, with the record's timestamp
     */
    public static DataStream<Outcome> build(
            StreamExecutionEnvironment env,
            Source<Inbound, ?, ?> source,
            String sourceName,
            WatermarkStrategy<Inbound> watermarks,
            PipelineOptions options) {
        stream(env);
        if (!env.isChainingEnabled()) {
            throw new IllegalArgumentException(
                    "Operator chaining is off (pipeline.operator-chaining.enabled), but only operators"
                            + " in one chain can hold records back; switch it on.");
        }
        String uid = options.name();
        return arriving(env, source, sourceName, new RecordTimestamps(watermarks), options)
                .transform(
                        "micro-batch (" + options.batching().name().toLowerCase(Locale.ROOT) + ")",
                        WireType.MICRO_BATCH,
                        new MicroBatchOperatorFactory(options))
                .uid(uid + "-micro-batch")
                .transform(
                        "inference (" + options.engine().modelName() + ")",
                        WireType.OUTCOME,
                        new InferenceOperatorFactory(options))
                .uid(uid + "-inference");
    }

    /** Validated records, where they are answered. */
    private static DataStream<Inbound> arriving(
            StreamExecutionEnvironment env,
            Source<Inbound, ?, ?> source,
            String sourceName,
            WatermarkStrategy<Inbound> watermarks,
            PipelineOptions options) {
        String uid = options.name();
        if (options.partitioning() == Partitioning.PREFIX) {
            // No valve to obey: back-pressure of the network stops the source, and its clock too.
            return PrefixHop.over(
                    validated(
                            env.fromSource(source, watermarks, sourceName, WireType.INBOUND),
                            PrefixHop.senderUid(options),
                            options),
                    options);
        }
        return validated(
                env.fromSource(
                        ValvedSource.of(source, WireType.INBOUND, uid),
                        new ValvedWatermarks(watermarks, uid),
                        sourceName,
                        WireType.INBOUND),
                uid + "-validator",
                options);
    }

    private static DataStream<Inbound> validated(
            DataStreamSource<Inbound> source, String uid, PipelineOptions options) {
        return source.uid(options.name() + "-source")
                .map(
                        new RequestValidator(
                                options.engine().modelName(),
                                // The hop looks at how prompts begin.
                                options.partitioning() == Partitioning.PREFIX))
                .returns(WireType.INBOUND)
                .name("validate")
                .uid(uid);
    }

    /** Automatic mode would take batch for bounded sources. */
    private static void stream(StreamExecutionEnvironment env) {
        if (env.getConfiguration().get(ExecutionOptions.RUNTIME_MODE)
                == RuntimeExecutionMode.BATCH) {
            throw new IllegalArgumentException(
                    "The runtime mode is BATCH, which has no checkpoints: a failure would begin again at"
                            + " the first request. Set "
                            + ExecutionOptions.RUNTIME_MODE.key()
                            + " to STREAMING; a bounded source ends in it as well.");
        }
        env.setRuntimeMode(RuntimeExecutionMode.STREAMING);
    }
}
