package io.millrace.operators;

import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.valve.ValvedSource;
import io.millrace.operators.valve.ValvedWatermarks;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;

/**
 * Wraps sources for {@link InferencePipeline#build(org.apache.flink.streaming.api.datastream
 * .DataStream, PipelineOptions)}, so that they pause while enough is in flight. A paused source
 * lets barriers pass at any time, so checkpoints do not wait for answers.
 */
public final class Valved {
    private Valved() {}

    /**
     * Wraps a source that knows its type, as Flink's connectors do.
     *
     * @throws IllegalArgumentException it does not
     */
    public static <T, SplitT extends SourceSplit, EnumChkT> Source<T, SplitT, EnumChkT> source(
            Source<T, SplitT, EnumChkT> source, PipelineOptions options) {
        if (!(source instanceof ResultTypeQueryable<?>)) {
            throw new IllegalArgumentException(
                    source.getClass().getName()
                            + " does not say what type it produces: give Valved.source the type"
                            + " as well.");
        }
        @SuppressWarnings("unchecked")
        TypeInformation<T> type = ((ResultTypeQueryable<T>) source).getProducedType();
        return source(source, type, options);
    }

    /**
     * Wraps any source. Its state does not change, so a restored job may wrap a source that was not
     * wrapped before.
     */
    public static <T, SplitT extends SourceSplit, EnumChkT> Source<T, SplitT, EnumChkT> source(
            Source<T, SplitT, EnumChkT> source, TypeInformation<T> type, PipelineOptions options) {
        return ValvedSource.of(source, type, options.name());
    }

    /**
     * Watermarks of a wrapped source. Differs only for {@code withIdleness}: a paused source does
     * not count as idle.
     */
    public static <T> WatermarkStrategy<T> watermarks(
            WatermarkStrategy<T> strategy, PipelineOptions options) {
        return new ValvedWatermarks<>(strategy, options.name());
    }
}
