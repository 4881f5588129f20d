package io.millrace.operators;

import static io.millrace.operators.TestingRequests.expected;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.millrace.gpu.EngineFailedException;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class InferenceOperatorTest {
    private String name;
    private TestingControl control;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
        control = TestingControl.of(name);
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(control.open()).isZero();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("millrace-engine"));
    }

    private PipelineOptions.Builder options() {
        return PipelineOptions.builder(TestingEngine.options(name), TestingEngine.loader());
    }

    private static Completion completion(Outcome outcome) {
        return ((Outcome.Answered) outcome).result().getCompletions().get(0);
    }

    @Test
    void aRequestIsAnsweredWithItsOwnTokensAndTimestamp() throws Exception {
        Inbound.Request request = request("a", 17);
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request);
            harness.runUntilOutcomes(1);
            Outcome.Answered answer = (Outcome.Answered) harness.outcomes().get(0);
            assertThat(answer.origin()).isEqualTo(request.origin());
            assertThat(answer.result().getModel()).isEqualTo(TestingEngine.MODEL);
            assertThat(completion(answer).getTokenIds()).isEqualTo(expected(request));
            assertThat(completion(answer).getFinishReason()).isEqualTo("length");
            assertThat(answer.result().getUsage().getPromptTokens())
                    .isEqualTo("prompt of a".length());
            assertThat(answer.facts().attempts()).isZero();
            assertThat(answer.facts().finishedMs())
                    .isGreaterThanOrEqualTo(answer.facts().firstTokenMs());
            StreamRecord<?> record = (StreamRecord<?>) harness.flink.getOutput().peek();
            assertThat(record.getTimestamp()).isEqualTo(request.origin().timestamp());
        }
    }

    private static Inbound.Request chat(String id, String role, String content) {
        Inbound.Request request = request(id, 17);
        request.request().setPrompt(null);
        request.request()
                .setMessages(
                        List.of(
                                new ChatMessage("system", "Be brief."),
                                new ChatMessage(role, content)));
        return request;
    }

    /** The same as text, as the testing engine writes conversations. */
    private static Inbound.Request asText(Inbound.Request chat) {
        Inbound.Request request = request(chat.request().getId(), 17);
        StringBuilder prompt = new StringBuilder();
        for (ChatMessage message : chat.request().getMessages()) {
            prompt.append(message.getRole()).append(": ");
            prompt.append(message.getContent()).append('\n');
        }
        prompt.append(Instant.ofEpochMilli(chat.origin().timestamp()));
        request.request().setPrompt(prompt.toString());
        return request;
    }

    @Test
    void aConversationIsWrittenByTheModelsTemplateAtTheTimeOfItsRecord() throws Exception {
        Inbound.Request chat = chat("c", "user", "hi");
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(chat);
            harness.runUntilOutcomes(1);
            Outcome.Answered answer = (Outcome.Answered) harness.outcomes().get(0);
            assertThat(completion(answer).getTokenIds()).isEqualTo(expected(asText(chat)));
            assertThat(answer.result().getUsage().getPromptTokens())
                    .isEqualTo(asText(chat).request().getPrompt().length());
        }
    }

    @Test
    void aConversationIsContinuedAfterARestore() throws Exception {
        Inbound.Request chat = chat("c", "user", "hi");
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(chat);
            control.awaitAdded(1);
            control.step(7);
            state = harness.snapshot();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.runUntilOutcomes(1);
            assertThat(completion(harness.outcomes().get(0)).getTokenIds())
                    .isEqualTo(expected(asText(chat)));
            assertThat(control.decoded("c")).isEqualTo(17);
        }
    }

    @Test
    void conversationsThatTheModelCannotTakeFailAlone() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(
                    chat("none", "UNSUPPORTED", "no template"),
                    chat("raised", "INVALID_PARAMETER", "no such role"),
                    chat("good", "user", "hi"));
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactly("none", "raised", "good");
            assertThat(harness.outcomes().subList(0, 2))
                    .extracting(
                            outcome -> ((Outcome.Failed) outcome).code(),
                            outcome -> ((Outcome.Failed) outcome).message())
                    .containsExactly(
                            tuple(FailureCode.UNSUPPORTED, "no template"),
                            tuple(FailureCode.INVALID_PARAMETER, "no such role"));
        }
    }

    @Test
    void severalCompletionsAreTold() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            Inbound.Request request = request("n", 5);
            request.request().setN(3);
            harness.send(request);
            harness.runUntilOutcomes(1);
            var result = ((Outcome.Answered) harness.outcomes().get(0)).result();
            assertThat(result.getCompletions())
                    .extracting(Completion::getIndex)
                    .containsExactly(0, 1, 2);
            assertThat(result.getUsage().getCompletionTokens()).isEqualTo(15);
        }
    }

    @Test
    void unorderedOutcomesLeaveAsTheyAreDone() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            control.hold();
            harness.send(request("long", 54), request("short", 1));
            control.awaitAdded(2);
            control.release();
            harness.runUntilOutcomes(2);
            assertThat(harness.ids()).containsExactly("short", "long");
        }
    }

    @Test
    void orderedOutcomesLeaveInOrderOfArrival() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().ordered(true).build())) {
            control.hold();
            harness.send(
                    request("long", 54),
                    request("short", 1),
                    new Inbound.Rejected(
                            TestingRequests.origin("bad"), "bad", FailureCode.UNREADABLE, "bad"),
                    request("middle", 17));
            control.awaitAdded(3);
            control.release();
            harness.runUntilOutcomes(4);
            assertThat(harness.ids()).containsExactly("long", "short", "bad", "middle");
        }
    }

    @Test
    void whatCanNeverFitFailsAloneAndAtOnce() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            Inbound.Request tooLong =
                    TestingRequests.inbound(
                            InferenceRequest.newBuilder()
                                    .setId("long")
                                    .setPrompt("x".repeat(TestingEngine.DEFAULT_MAX_MODEL_LEN))
                                    .build());
            Inbound.Request noToken =
                    TestingRequests.inbound(
                            InferenceRequest.newBuilder()
                                    .setId("vocabulary")
                                    .setPromptTokenIds(List.of(1, TestingEngine.VOCABULARY))
                                    .build());
            harness.send(tooLong, noToken, request("good", 1));
            harness.runUntilOutcomes(3);
            assertThat(harness.outcomes().subList(0, 2))
                    .extracting(outcome -> ((Outcome.Failed) outcome).code())
                    .containsExactly(FailureCode.PROMPT_TOO_LONG, FailureCode.INVALID_PARAMETER);
            assertThat(harness.ids()).containsExactly("long", "vocabulary", "good");
        }
    }

    @Test
    void aRequestThatTheEngineChokesOnFailsAlone() throws Exception {
        control.poison("poison", new IllegalStateException("cannot take this"));
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request("poison", 1), request("good", 1));
            harness.runUntilOutcomes(2);
            assertThat(harness.outcomes())
                    .filteredOn(Outcome.Failed.class::isInstance)
                    .singleElement()
                    .satisfies(
                            outcome -> {
                                Outcome.Failed failed = (Outcome.Failed) outcome;
                                assertThat(failed.code()).isEqualTo(FailureCode.GENERATION_FAILED);
                                assertThat(failed.message()).contains("cannot take this");
                            });
        }
    }

    @Test
    void aSnapshotMidwayRestoresToTheSameBytesWithoutDecodingAgain() throws Exception {
        List<Inbound.Request> requests = new ArrayList<>();
        for (int i = 0; i < 17; i++) {
            requests.add(request("r" + i, 20 + i));
        }
        PipelineOptions options = options().build();
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(requests.toArray(Inbound[]::new));
            control.awaitAdded(17);
            control.step(7);
            state = harness.snapshot();
        }
        Map<String, Integer> before = new TreeMap<>();
        requests.forEach(
                r -> before.put(r.request().getId(), control.decoded(r.request().getId())));
        assertThat(before.values()).allMatch(count -> count == 7);
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(17);
            for (Outcome outcome : harness.outcomes()) {
                Inbound.Request request =
                        requests.stream()
                                .filter(
                                        r ->
                                                r.request()
                                                        .getId()
                                                        .equals(TestingRequests.id(outcome)))
                                .findFirst()
                                .orElseThrow();
                assertThat(outcome.origin().value()).isEqualTo(request.origin().value());
                assertThat(completion(outcome).getTokenIds()).isEqualTo(expected(request));
                assertThat(((Outcome.Answered) outcome).facts().attempts()).isEqualTo(1);
                assertThat(control.decoded(request.request().getId()))
                        .as("tokens decoded in both lives together")
                        .isEqualTo(expected(request).size());
            }
        }
    }

    @Test
    void outcomesThatWaitForTheirTurnAreStateAndNotAnsweredAgain() throws Exception {
        PipelineOptions options = options().ordered(true).build();
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(
                    request("long", 54),
                    request("short", 1),
                    new Inbound.Rejected(
                            TestingRequests.origin("bad"), null, FailureCode.UNREADABLE, "why"));
            control.awaitAdded(2);
            control.step(3);
            state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactly("long", "short", null);
            assertThat(control.decoded("short")).isEqualTo(1);
            assertThat(control.added()).hasSize(3);
            assertThat(completion(harness.outcomes().get(1)).getTokenIds())
                    .isEqualTo(expected(request("short", 1)));
            Outcome.Failed failed = (Outcome.Failed) harness.outcomes().get(2);
            assertThat(failed.message()).isEqualTo("why");
        }
    }

    @Test
    void aSnapshotLetsNothingOutAndWhatItFoundDoneLeavesAfterIt() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            control.hold();
            harness.runMails();
            harness.send(request("a", 1));
            control.awaitAdded(1);
            control.step(1);
            OperatorSubtaskState state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
            harness.runMails();
            assertThat(harness.ids()).containsExactly("a");
            try (InferenceHarness restored =
                    InferenceHarness.open(options().build(), 1, 0, state)) {
                restored.runUntilOutcomes(1);
                assertThat(restored.ids()).containsExactly("a");
            }
        }
    }

    @Test
    void requestsInFlightFollowTheJobFromOneToThreeToTwoSubtasks() throws Exception {
        PipelineOptions options = options().maxInFlightRequests(5).build();
        control.hold();
        OperatorSubtaskState one;
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            for (int i = 0; i < 17; i++) {
                harness.send(request("r" + i, 30));
            }
            control.awaitAdded(17);
            control.step(4);
            one = harness.snapshot();
        }
        OperatorSubtaskState[] three = new OperatorSubtaskState[3];
        for (int i = 0; i < 3; i++) {
            OperatorSubtaskState state = InferenceHarness.rescaled(one, 1, 3, i);
            try (InferenceHarness harness = InferenceHarness.open(options, 3, i, state)) {
                int already = control.added().size();
                control.awaitAdded(already);
                three[i] = harness.snapshot();
            }
        }
        OperatorSubtaskState all = repackaged(three);
        List<String> ids = new ArrayList<>();
        control.release();
        for (int i = 0; i < 2; i++) {
            OperatorSubtaskState state = InferenceHarness.rescaled(all, 3, 2, i);
            try (InferenceHarness harness = InferenceHarness.open(options, 2, i, state)) {
                assertThat(harness.valve().isOpen()).isFalse();
                harness.runUntil(() -> harness.valve().isEmpty());
                ids.addAll(harness.ids());
                for (Outcome outcome : harness.outcomes()) {
                    assertThat(((Outcome.Answered) outcome).facts().attempts()).isEqualTo(2);
                    assertThat(control.decoded(TestingRequests.id(outcome))).isEqualTo(30);
                }
            }
        }
        assertThat(ids).hasSize(17).doesNotHaveDuplicates();
    }

    private static OperatorSubtaskState repackaged(OperatorSubtaskState... states)
            throws Exception {
        return AbstractStreamOperatorTestHarness.repackageState(states);
    }

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
    void aFailedStepIsThrownWithItsCause() throws Exception {
        IllegalStateException cause = new IllegalStateException("device");
        control.failAt("b", 5, () -> cause);
        InferenceHarness harness = InferenceHarness.open(options().build());
        harness.send(request("a", 54), request("b", 54));
        assertThatThrownBy(() -> harness.runUntilOutcomes(2))
                .isInstanceOf(EngineFailedException.class)
                .hasCause(cause);
        harness.close();
    }

    @Test
    void aFatalErrorIsThrownUnwrapped() throws Exception {
        InternalError error = new InternalError("context");
        control.failAt("a", 5, () -> error);
        InferenceHarness harness = InferenceHarness.open(options().build());
        harness.send(request("a", 54));
        assertThatThrownBy(() -> harness.runUntilOutcomes(1)).isSameAs(error);
        harness.close();
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
