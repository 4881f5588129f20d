package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.valve.Valve;
import io.millrace.schemas.FailureCode;
import java.util.List;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What passes the operator when: valve, batches, watermarks, deadlines, the end. */
@Timeout(60)
class InferenceOperatorFlowTest extends InferenceOperatorFixture {
    @Test
    void aWatermarkWaitsForWhatCameBeforeIt() throws Exception {
        for (boolean ordered : new boolean[] {false, true}) {
            try (InferenceHarness harness =
                    InferenceHarness.open(options().ordered(ordered).build())) {
                harness.runMails();
                int added = control.added().size();
                harness.flink.processWatermark(1);
                assertThat(harness.watermarks()).containsExactly(1L);
                control.hold();
                harness.send(request("long", 10));
                harness.flink.processWatermark(2);
                harness.flink.processWatermark(3);
                harness.send(request("later", 1));
                harness.flink.processWatermark(4);
                control.awaitAdded(added + 2);
                control.step(2);
                harness.runMails();
                assertThat(harness.watermarks()).containsExactly(1L);
                control.release();
                harness.runUntil(() -> harness.watermarks().contains(4L));
                assertThat(harness.watermarks()).endsWith(4L).doesNotContain(2L);
                assertThat(harness.outcomes()).hasSize(2);
            }
        }
    }

    @Test
    void idlenessWaitsForWhatCameBeforeItAndIsVoidOnceInputIsActiveAgain() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            control.hold();
            harness.send(request("a", 3));
            harness.flink.processWatermark(1);
            harness.flink.processWatermarkStatus(WatermarkStatus.IDLE);
            control.awaitAdded(1);
            control.step(1);
            harness.runMails();
            assertThat(harness.flink.getOutput()).as("a is in flight").isEmpty();
            control.release();
            harness.runUntilOutcomes(1);
            assertThat(List.copyOf(harness.flink.getOutput()).subList(1, 3))
                    .containsExactly(new Watermark(1), WatermarkStatus.IDLE);
            harness.flink.processWatermarkStatus(WatermarkStatus.ACTIVE);
            assertThat(harness.flink.getOutput()).hasSize(4).endsWith(WatermarkStatus.ACTIVE);

            control.hold();
            harness.send(request("b", 3));
            harness.flink.processWatermarkStatus(WatermarkStatus.IDLE);
            harness.flink.processWatermarkStatus(WatermarkStatus.ACTIVE);
            harness.flink.processWatermark(2);
            control.release();
            harness.runUntil(() -> harness.watermarks().contains(2L));
            assertThat(harness.flink.getOutput()).hasSize(6).endsWith(new Watermark(2));
        }
    }

    @Test
    void byDefaultFourRequestsForEachSequenceAreInFlight() throws Exception {
        EngineOptions engine = TestingEngine.options("queue").withMaxSequences(2);
        PipelineOptions options = PipelineOptions.builder(engine, TestingEngine.loader()).build();
        TestingControl held = TestingControl.of(engine.model());
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            held.hold();
            for (int i = 0; i < 7; i++) {
                harness.send(request("r" + i, 1));
            }
            assertThat(harness.valve().isOpen()).isTrue();
            harness.send(request("r7", 1));
            assertThat(harness.valve().isOpen()).isFalse();
            held.release();
            harness.runUntilOutcomes(8);
        }
    }

    @Test
    void theValveClosesByRequestsAndByTokensAndOpensAgain() throws Exception {
        try (InferenceHarness harness =
                InferenceHarness.open(
                        options().maxInFlightRequests(3).maxInFlightTokens(100).build())) {
            Valve valve = harness.valve();
            control.hold();
            harness.send(request("a", 1), request("b", 1));
            assertThat(valve.isOpen()).isTrue();
            harness.send(request("c", 1));
            assertThat(valve.isOpen()).isFalse();
            assertThat(valve.opened()).isNotDone();
            control.release();
            harness.runUntilOutcomes(3);
            assertThat(valve.isOpen()).isTrue();
            control.hold();
            harness.send(request("d", 97));
            assertThat(valve.isOpen()).as("tokens").isFalse();
            control.release();
            harness.runUntilOutcomes(4);
            assertThat(valve.isOpen()).isTrue();
            assertThat(valve.tokens()).isZero();
            assertThat(valve.emptied()).isDone();
        }
    }

    @Test
    void aStaticBatchRunsToItsEndBeforeTheNextStarts() throws Exception {
        try (InferenceHarness harness =
                InferenceHarness.open(options().batching(Batching.STATIC).build())) {
            control.hold();
            harness.sendBatch(request("a", 3), request("b", 1));
            harness.sendBatch(request("c", 1), request("d", 1));
            control.awaitAdded(2);
            control.step(2);
            harness.runMails();
            assertThat(harness.ids()).containsExactly("b");
            assertThat(control.added()).hasSize(2);
            control.release();
            harness.runUntilOutcomes(4);
            assertThat(harness.ids().subList(0, 2)).containsExactly("b", "a");
        }
    }

    @Test
    void aRequestThatIsNotDoneByItsDeadlineFails() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.flink.setProcessingTime(1_000);
            control.hold();
            Inbound.Request late = request("late", 54);
            late.request().setDeadlineMs(2_000L);
            Inbound.Request past = request("past", 54);
            past.request().setDeadlineMs(999L);
            Inbound.Request ample = request("ample", 1);
            ample.request().setDeadlineMs(1_000_000L);
            harness.send(late, past, ample);
            assertThat(harness.ids()).containsExactly("past");
            harness.flink.setProcessingTime(2_001);
            assertThat(harness.ids()).containsExactly("past", "late");
            assertThat(harness.outcomes())
                    .extracting(outcome -> ((Outcome.Failed) outcome).code())
                    .containsOnly(FailureCode.DEADLINE_EXCEEDED);
            control.release();
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).endsWith("ample");
            assertThat(harness.flink.getProcessingTimeService().getNumActiveTimers()).isZero();
        }
    }

    @Test
    void endOfInputWaitsForWhatIsInFlight() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request("a", 17), request("b", 54));
            harness.flink.endInput();
            assertThat(harness.ids()).containsExactly("a", "b");
        }
    }

    @Test
    void closingWithWorkLeftCancelsIt() throws Exception {
        control.hold();
        InferenceHarness harness = InferenceHarness.open(options().build());
        harness.send(request("a", 54), request("b", 54));
        control.awaitAdded(2);
        harness.close();
        assertThat(control.open()).isZero();
    }
}
