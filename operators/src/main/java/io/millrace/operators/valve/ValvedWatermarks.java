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
 * A watermark strategy for a valved source: a closed {@link Valve} is not idleness, so the clock
 * for idleness stops while it is closed. If the source is free of the valve, the strategy is used
 * unchanged: Flink stops the clock of a source that waits for the network.
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
            // Without a valve the source is free of it, or its reader will fail.
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
