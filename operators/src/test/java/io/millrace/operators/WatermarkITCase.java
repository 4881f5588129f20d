package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Position;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Event time downstream of the pipeline. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WatermarkITCase {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(2)
                            .build());

    private static final String NAME = "watermarks";
    private static final Duration EMIT_EVERY = Duration.ofMillis(10);
    private static final Duration IDLE_AFTER = Duration.ofMillis(100);

    /** Thrice the time after which input counts as idle. */
    private static final int EMITS = (int) (3 * IDLE_AFTER.toMillis() / EMIT_EVERY.toMillis());

    private static final int RECORDS = 34;
    private static final long LATER = 1_000_000_000L;

    /** More than what the network holds of all records together. */
    private static final int RECORD_BYTES = 1 << 17;

    private static volatile CountDownLatch closedLongEnough;

    /** Counts how often a subtask whose first request has come is asked for its watermark. */
    private static final class Counting implements WatermarkGenerator<Inbound> {
        private final WatermarkGenerator<Inbound> generator;
        private boolean begun;
        private boolean counts;

        Counting(WatermarkGenerator<Inbound> generator) {
            this.generator = generator;
        }

        @Override
        public void onEvent(Inbound event, long timestamp, WatermarkOutput output) {
            begun = true;
            counts |= event instanceof Inbound.Request;
            generator.onEvent(event, timestamp, output);
            output.emitWatermark(new Watermark(timestamp - 1));
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            // How long a subtask waits for its split is the machine's business: not idle by that.
            if (begun) {
                generator.onPeriodicEmit(output);
            }
            if (counts) {
                closedLongEnough.countDown();
            }
        }
    }

    private static WatermarkStrategy<Inbound> strategy() {
        WatermarkStrategy<Inbound> stock =
                WatermarkStrategy.<Inbound>forMonotonousTimestamps().withIdleness(IDLE_AFTER);
        return context -> new Counting(stock.createWatermarkGenerator(context));
    }

    /** One subtask reads requests, the other records of much later that fail at once. */
    private static Inbound record(long number) {
        String id = "r" + number;
        boolean early = number < RECORDS / 2;
        Origin origin = TestingRequests.origin(id);
        Origin at =
                new Origin(
                        origin.source(),
                        new Position.InPartition(0, number),
                        (early ? 0 : LATER) + 1000 * number,
                        null,
                        origin.headers(),
                        new byte[RECORD_BYTES]);
        if (!early) {
            return new Inbound.Rejected(at, id, FailureCode.UNREADABLE, "later");
        }
        InferenceRequest request = TestingRequests.request(id, 3).request();
        return new Inbound.Request(at, request);
    }

    private static StreamExecutionEnvironment environment() {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());
        env.getConfig().setAutoWatermarkInterval(EMIT_EVERY.toMillis());
        env.setParallelism(2);
        return env;
    }

    private static PipelineOptions options(Partitioning partitioning) {
        return PipelineOptions.builder(
                        TestingEngine.options(NAME).withModelName(NAME), TestingEngine.loader())
                .partitioning(partitioning)
                .maxInFlightRequests(1)
                .build();
    }

    @ParameterizedTest
    @EnumSource(Partitioning.class)
    void nothingIsLateAfterTheValveWasClosedForLongerThanInputMayBeIdle(Partitioning partitioning)
            throws Exception {
        int before = TestingOutcomes.of(NAME).all().size();
        closedLongEnough = new CountDownLatch(EMITS);
        TestingControl control = TestingControl.of(NAME).hold();
        int added = control.added().size();
        StreamExecutionEnvironment env = environment();
        TestingSource source = new TestingSource(RECORDS, true, WatermarkITCase::record);
        DataStream<Outcome> outcomes =
                InferencePipeline.build(env, source, "requests", strategy(), options(partitioning));
        OutputTag<Outcome> late = new OutputTag<>("late", outcomes.getType());
        SingleOutputStreamOperator<Outcome> windows =
                outcomes.keyBy(outcome -> 0, Types.INT)
                        .window(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
                        .sideOutputLateData(late)
                        .reduce((first, second) -> second);
        windows.map(TestingOutcomes.collector(NAME)).sinkTo(new DiscardingSink<>());
        windows.getSideOutput(late)
                .map(TestingOutcomes.collector("late"))
                .sinkTo(new DiscardingSink<>());
        JobClient job = env.executeAsync(NAME);
        control.awaitAdded(added + 1);
        closedLongEnough.await();
        control.release();
        job.getJobExecutionResult().get();
        assertThat(TestingOutcomes.of("late").all()).isEmpty();
        assertThat(TestingOutcomes.of(NAME).all()).as("one a window").hasSize(before + RECORDS);
    }

    @ParameterizedTest
    @EnumSource(Partitioning.class)
    void timestampsOfOnesOwnAreRefusedForGood(Partitioning partitioning) throws Exception {
        StreamExecutionEnvironment env = environment();
        InferencePipeline.build(
                        env,
                        new TestingSource(1, true, WatermarkITCase::record),
                        "requests",
                        WatermarkStrategy.<Inbound>forMonotonousTimestamps()
                                .withTimestampAssigner((inbound, timestamp) -> 17),
                        options(partitioning))
                .sinkTo(new DiscardingSink<>());
        assertThatThrownBy(() -> env.execute(NAME))
                .hasStackTraceContaining("remove withTimestampAssigner");
    }

    @Test
    void aBoundedSourceStreamsAndBatchModeIsRefused() {
        StreamExecutionEnvironment batch = environment();
        batch.setRuntimeMode(RuntimeExecutionMode.BATCH);
        TestingSource source = new TestingSource(1, true, WatermarkITCase::record);
        assertThatThrownBy(
                        () ->
                                InferencePipeline.build(
                                        batch, source, "requests", options(Partitioning.NONE)))
                .hasMessageContaining("BATCH, which has no checkpoints")
                .hasMessageContaining("execution.runtime-mode");
        StreamExecutionEnvironment automatic = environment();
        automatic.setRuntimeMode(RuntimeExecutionMode.AUTOMATIC);
        automatic.enableCheckpointing(1000);
        InferencePipeline.build(automatic, source, "requests", options(Partitioning.NONE))
                .sinkTo(new DiscardingSink<>());
        assertThat(automatic.getStreamGraph().getCheckpointConfig().isCheckpointingEnabled())
                .isTrue();
    }
}
