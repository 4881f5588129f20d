package io.millrace.operators.valve;

import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.TimestampAssignerSupplier;
import org.apache.flink.api.common.eventtime.WatermarkAlignmentParams;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.util.clock.RelativeClock;

/**
 * Any strategy, for a valved source: a closed {@link Valve} is not idleness, so the clock that
 * idleness is measured by stands still while it is closed. Where the source is free it is the
 * strategy alone: the clock of a source that waits for the network stands still by itself.
 */
public final class ValvedWatermarks<T> implements WatermarkStrategy<T> {
    private static final long serialVersionUID = 1L;

    private final WatermarkStrategy<T> strategy;
    private final String pipeline;

    /**
     * @param pipeline {@code PipelineOptions.name} of the operators behind the source
     */
    public ValvedWatermarks(WatermarkStrategy<T> strategy, String pipeline) {
        this.strategy = strategy;
        this.pipeline = pipeline;
    }

    @Override
    public TimestampAssigner<T> createTimestampAssigner(TimestampAssignerSupplier.Context context) {
        return strategy.createTimestampAssigner(context);
    }

    @Override
    public WatermarkGenerator<T> createWatermarkGenerator(
            WatermarkGeneratorSupplier.Context context) {
        Valve valve = Valve.ofThisTask(pipeline);
        if (valve == null) {
            // The source is free, or its reader will fail.
            return strategy.createWatermarkGenerator(context);
        }
        RelativeClock clock = OpenTime.of(valve, context.getInputActivityClock());
        return strategy.createWatermarkGenerator(
                new WatermarkGeneratorSupplier.Context() {
                    @Override
                    public MetricGroup getMetricGroup() {
                        return context.getMetricGroup();
                    }

                    @Override
                    public RelativeClock getInputActivityClock() {
                        return clock;
                    }
                });
    }

    @Override
    public WatermarkAlignmentParams getAlignmentParameters() {
        return strategy.getAlignmentParameters();
    }
}
