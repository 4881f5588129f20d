package io.millrace.operators.valve;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingEngine;
import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.InboundSerializer;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

class ValveTimeTest {
    @Test
    void timeIsCountedWhileItIsClosed() throws Exception {
        PipelineOptions options =
                PipelineOptions.builder(TestingEngine.options("time"), TestingEngine.loader())
                        .maxInFlightRequests(2)
                        .build();
        try (var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options), InboundSerializer.INSTANCE)) {
            harness.open();
            Valve valve = Valve.register(harness.getOperator().getRuntimeContext(), options, 64);
            valve.unregister();
            valve.add(1, 54);
            assertThat(valve.closedNanos()).isZero();
            valve.add(1, 54);
            awaitMore(valve, 0);
            valve.add(-1, -54);
            long closed = valve.closedNanos();
            assertThat(closed).isPositive();
            assertThat(valve.closedNanos()).isEqualTo(closed);
            valve.add(1, 54);
            awaitMore(valve, closed);
        }
    }

    private static void awaitMore(Valve valve, long nanos) {
        while (valve.closedNanos() <= nanos) {
            Thread.onSpinWait();
        }
    }
}
