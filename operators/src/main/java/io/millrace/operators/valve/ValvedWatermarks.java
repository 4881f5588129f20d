package io.millrace.operators.valve;

import io.millrace.operators.record.Inbound;
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
 * idleness is measured by stands still while it is closed.
 */
public final class ValvedWatermarks implements WatermarkStrategy<Inbound> {
    private static final long serialVersionUID = 1L;

    private final WatermarkStrategy<Inbound> strategy;
    private final String pipeline;

    /**
     * @param pipeline {@code PipelineOptions.name} of the operators behind the source
     */
    public ValvedWatermarks(WatermarkStrategy<Inbound> strategy, String pipeline) {
        this.strategy = strategy;
        this.pipeline = pipeline;
    }

    @Override
    public TimestampAssigner<Inbound> createTimestampAssigner(
            TimestampAssignerSupplier.Context context) {
        return strategy.createTimestampAssigner(context);
    }

    @Override
    public WatermarkGenerator<Inbound> createWatermarkGenerator(
            WatermarkGeneratorSupplier.Context context) {
        Valve valve = Valve.ofThisTask(pipeline);
        if (valve == null) {
            throw new IllegalStateException(
                    "The source of pipeline "
                            + pipeline
                            + " has no inference operator in its task.");
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
