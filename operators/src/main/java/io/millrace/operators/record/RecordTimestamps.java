package io.millrace.operators.record;

import org.apache.flink.api.common.eventtime.RecordTimestampAssigner;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.TimestampAssignerSupplier;
import org.apache.flink.api.common.eventtime.WatermarkAlignmentParams;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/** Wraps a watermark strategy so that records keep their own timestamps. */
public final class RecordTimestamps implements WatermarkStrategy<Inbound> {
    private static final long serialVersionUID = 1L;

    private final WatermarkStrategy<Inbound> strategy;

    public RecordTimestamps(WatermarkStrategy<Inbound> strategy) {
        this.strategy = strategy;
    }

    @Override
    public TimestampAssigner<Inbound> createTimestampAssigner(
            TimestampAssignerSupplier.Context context) {
        if (!(strategy.createTimestampAssigner(context) instanceof RecordTimestampAssigner)) {
            throw new SuppressRestartsException(
                    new IllegalArgumentException(
                            "The watermark strategy assigns timestamps, but an outcome must have"
                                    + " its record's timestamp: remove withTimestampAssigner and"
                                    + " give the record that timestamp."));
        }
        return (inbound, timestamp) -> inbound.origin().timestamp();
    }

    @Override
    public WatermarkGenerator<Inbound> createWatermarkGenerator(
            WatermarkGeneratorSupplier.Context context) {
        return strategy.createWatermarkGenerator(context);
    }

    @Override
    public WatermarkAlignmentParams getAlignmentParameters() {
        return strategy.getAlignmentParameters();
    }
}
