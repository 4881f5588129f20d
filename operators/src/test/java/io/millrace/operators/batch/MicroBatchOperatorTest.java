package io.millrace.operators.batch;

import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingEngine;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.operators.record.MicroBatch;
import io.millrace.operators.record.MicroBatchSerializer;
import io.millrace.operators.valve.Valve;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class MicroBatchOperatorTest {

    private static PipelineOptions.Builder options() {
        return PipelineOptions.builder(
                TestingEngine.options("micro-batch"), TestingEngine.loader());
    }

    private static PipelineOptions.Builder batchesOf(int size) {
        return options().batching(Batching.STATIC).batchSize(size).batchTimeoutMs(100);
    }

    private static OneInputStreamOperatorTestHarness<Inbound, MicroBatch> harness(
            PipelineOptions options, OperatorSubtaskState state) throws Exception {
        var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options), InboundSerializer.INSTANCE);
        harness.setup(MicroBatchSerializer.INSTANCE);
        if (state != null) {
            harness.initializeState(state);
        }
        harness.open();
        return harness;
    }

    private static void send(
            OneInputStreamOperatorTestHarness<Inbound, MicroBatch> harness, String... ids)
            throws Exception {
        for (String id : ids) {
            harness.processElement(new StreamRecord<>(request(id, 1)));
        }
    }

    private static List<List<String>> groups(
            OneInputStreamOperatorTestHarness<Inbound, MicroBatch> harness) {
        List<List<String>> groups = new ArrayList<>();
        for (MicroBatch batch : harness.extractOutputValues()) {
            groups.add(
                    batch.records().stream()
                            .map(
                                    r ->
                                            r instanceof Inbound.Request q
                                                    ? q.request().getId()
                                                    : ((Inbound.Rejected) r).id())
                            .toList());
        }
        return groups;
    }

    @Test
    void aStaticGroupLeavesWhenItIsFull() throws Exception {
        try (var harness = harness(batchesOf(3).build(), null)) {
            send(harness, "a", "b");
            assertThat(groups(harness)).isEmpty();
            send(harness, "c", "d");
            assertThat(groups(harness)).containsExactly(List.of("a", "b", "c"));
        }
    }

    @Test
    void aStaticGroupLeavesWhenItsFirstRecordHasWaitedLongEnough() throws Exception {
        try (var harness = harness(batchesOf(3).build(), null)) {
            harness.setProcessingTime(1000);
            send(harness, "a", "b", "c");
            harness.setProcessingTime(1050);
            send(harness, "d");
            harness.setProcessingTime(1149);
            assertThat(groups(harness)).as("the first group's timer is void").hasSize(1);
            send(harness, "e");
            harness.setProcessingTime(1151);
            assertThat(groups(harness)).containsExactly(List.of("a", "b", "c"), List.of("d", "e"));
        }
    }

    /** Sorted by their prompts, it would come before the events of its key. */
    @Test
    void aTombstoneKeepsItsPlaceInADynamicGroup() throws Exception {
        try (var harness = harness(options().lingerMs(100).build(), null)) {
            harness.processElement(new StreamRecord<>(request("a", 1)));
            Inbound.Tombstone tombstone = new Inbound.Tombstone(request("a", 2).origin());
            harness.processElement(new StreamRecord<>(tombstone));
            harness.processElement(new StreamRecord<>(request("b", 3)));
            harness.endInput();
            assertThat(harness.extractOutputValues()).hasSize(1);
            assertThat(harness.extractOutputValues().get(0).records().get(1))
                    .isInstanceOf(Inbound.Tombstone.class);
        }
    }

    @Test
    void aStaticGroupLeavesAtTheEndOfInput() throws Exception {
        try (var harness = harness(batchesOf(17).build(), null)) {
            send(harness, "a");
            harness.endInput();
            assertThat(groups(harness)).containsExactly(List.of("a"));
        }
    }

    @Test
    void aBarrierLeavesTheGroupAndStateCarriesIt() throws Exception {
        OperatorSubtaskState state;
        try (var harness = harness(batchesOf(5).build(), null)) {
            send(harness, "a", "b");
            harness.processElement(
                    new StreamRecord<>(
                            new Inbound.Rejected(
                                    TestingRequests.origin("bad"),
                                    "bad",
                                    FailureCode.UNREADABLE,
                                    "why")));
            harness.prepareSnapshotPreBarrier(1);
            state = harness.snapshot(1, 1);
            assertThat(groups(harness)).isEmpty();
        }
        try (var harness = harness(batchesOf(5).build(), state)) {
            while (harness.getTaskMailbox().hasMail()) {
                harness.getTaskMailbox().take(0).run();
            }
            assertThat(groups(harness)).isEmpty();
            send(harness, "c", "d");
            assertThat(groups(harness)).containsExactly(List.of("a", "b", "bad", "c", "d"));
            assertThat(harness.extractOutputValues().get(0).records().get(0).origin().headers())
                    .hasSize(2);
        }
    }

    @Test
    void stateCarriesWhatAGateHolds() throws Exception {
        OperatorSubtaskState state;
        var before =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options().build()),
                        InboundSerializer.INSTANCE);
        try (before) {
            before.setup(MicroBatchSerializer.INSTANCE);
            Valve valve =
                    Valve.register(before.getOperator().getRuntimeContext(), options().build(), 64);
            before.open();
            valve.hold(request("held", 1));
            state = before.snapshot(1, 1);
            valve.unregister();
        }
        try (var harness = harness(options().build(), state)) {
            while (harness.getTaskMailbox().hasMail()) {
                harness.getTaskMailbox().take(0).run();
            }
            assertThat(groups(harness)).containsExactly(List.of("held"));
        }
    }

    @Test
    void aRestoredGroupThatNobodyFillsLeavesInTime() throws Exception {
        OperatorSubtaskState state;
        try (var harness = harness(batchesOf(5).build(), null)) {
            send(harness, "a", "b");
            state = harness.snapshot(1, 1);
        }
        try (var harness = harness(batchesOf(5).build(), state)) {
            while (harness.getTaskMailbox().hasMail()) {
                harness.getTaskMailbox().take(0).run();
            }
            harness.setProcessingTime(harness.getProcessingTime() + 101);
            assertThat(groups(harness)).containsExactly(List.of("a", "b"));
        }
    }

    @Test
    void dynamicBatchingPassesEachOnAtOnce() throws Exception {
        try (var harness = harness(options().build(), null)) {
            send(harness, "b", "a");
            assertThat(groups(harness)).containsExactly(List.of("b"), List.of("a"));
        }
    }

    @Test
    void dynamicBatchingThatLingersSortsByPrefix() throws Exception {
        try (var harness = harness(options().lingerMs(10).build(), null)) {
            send(harness, "b", "a", "ab");
            assertThat(groups(harness)).isEmpty();
            harness.setProcessingTime(harness.getProcessingTime() + 11);
            assertThat(groups(harness)).containsExactly(List.of("a", "ab", "b"));
        }
    }

    @Test
    void aWatermarkWaitsForTheGroupBeforeIt() throws Exception {
        try (var harness = harness(batchesOf(2).build(), null)) {
            harness.processWatermark(1);
            send(harness, "a");
            harness.processWatermark(2);
            assertThat(harness.getOutput()).hasSize(1);
            send(harness, "b");
            assertThat(harness.getOutput()).hasSize(3).endsWith(new Watermark(2));
        }
    }

    @Test
    void idlenessWaitsForTheGroupBeforeItAndIsVoidOnceInputIsActiveAgain() throws Exception {
        try (var harness = harness(batchesOf(2).build(), null)) {
            harness.processWatermarkStatus(WatermarkStatus.IDLE);
            harness.processWatermarkStatus(WatermarkStatus.ACTIVE);
            assertThat(harness.getOutput())
                    .containsExactly(WatermarkStatus.IDLE, WatermarkStatus.ACTIVE);
            send(harness, "a");
            harness.processWatermarkStatus(WatermarkStatus.IDLE);
            harness.processWatermarkStatus(WatermarkStatus.ACTIVE);
            send(harness, "b", "c");
            harness.processWatermarkStatus(WatermarkStatus.IDLE);
            assertThat(harness.getOutput()).as("c waits, a and b have left").hasSize(3);
            harness.setProcessingTime(harness.getProcessingTime() + 101);
            assertThat(harness.getOutput()).hasSize(5).endsWith(WatermarkStatus.IDLE);
        }
    }

    @Test
    void conversationsCountAsPromptsDo() throws Exception {
        PipelineOptions options = batchesOf(17).maxInFlightTokens(1000).build();
        try (var counted =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options), InboundSerializer.INSTANCE)) {
            counted.setup(MicroBatchSerializer.INSTANCE);
            Valve valve = Valve.register(counted.getOperator().getRuntimeContext(), options, 64);
            try {
                counted.open();
                InferenceRequest chat =
                        InferenceRequest.newBuilder()
                                .setId("chat")
                                .setMessages(
                                        List.of(
                                                new ChatMessage(
                                                        "system",
                                                        "x".repeat(400),
                                                        null,
                                                        null,
                                                        null,
                                                        null),
                                                new ChatMessage(
                                                        "user",
                                                        "x".repeat(400),
                                                        null,
                                                        null,
                                                        null,
                                                        null)))
                                .setMaxTokens(17)
                                .setN(3)
                                .build();
                counted.processElement(new StreamRecord<>(TestingRequests.inbound(chat)));
                assertThat(valve.requests()).isEqualTo(1);
                assertThat(valve.tokens()).isEqualTo(800 / 4 + 1 + 3 * 17);
                chat.setMessages(null);
                chat.setPrompt("x".repeat(800));
                counted.processElement(new StreamRecord<>(TestingRequests.inbound(chat)));
                assertThat(valve.tokens()).isEqualTo(2 * (800 / 4 + 1 + 3 * 17));
                counted.endInput();
                assertThat(valve.tokens()).isZero();
            } finally {
                valve.unregister();
            }
        }
    }
}
