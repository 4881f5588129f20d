package io.millrace.operators;

import java.util.Locale;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Puts the operators between a source of records and a stream of their outcomes together, all in
 * one chain.
 */
public final class InferencePipeline {
    private InferencePipeline() {}

    /**
     * Builds the pipeline at the environment's parallelism. Operator uids start with {@link
     * PipelineOptions#name}, so they stay the same from release to release.
     *
     * @param sourceName name of the source in the web UI
     * @return one outcome per record
     */
    public static DataStream<Outcome> build(
            StreamExecutionEnvironment env,
            Source<Inbound, ?, ?> source,
            String sourceName,
            PipelineOptions options) {
        if (!env.isChainingEnabled()) {
            throw new IllegalArgumentException(
                    "Operator chaining is off (pipeline.operator-chaining.enabled), but the source"
                            + " can be paused only by an operator in its chain; switch it on.");
        }
        String uid = options.name();
        return env.fromSource(
                        ValvedSource.of(source, WireType.INBOUND, uid),
                        WatermarkStrategy.noWatermarks(),
                        sourceName,
                        WireType.INBOUND)
                .uid(uid + "-source")
                .map(new RequestValidator(options.engine().modelName()))
                .returns(WireType.INBOUND)
                .name("validate")
                .uid(uid + "-validator")
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
}
