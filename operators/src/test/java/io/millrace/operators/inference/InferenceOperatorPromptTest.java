package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.expected;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingEngine;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.Batching;
import io.millrace.operators.record.FailureEncoder;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.valve.Valve;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Prompts while they are rendered and tokenized, which the mailbox thread has others do. */
@Timeout(60)
class InferenceOperatorPromptTest extends InferenceOperatorFixture {
    /**
     * Too long for the testing engine, by two tokens a character; long enough for the long lane.
     */
    private static Inbound.Request tooLong(String id, int characters) {
        return TestingRequests.inbound(
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setPrompt("long " + "x".repeat(characters))
                        .build());
    }

    private static Inbound.Request chat(String id, String content) {
        return TestingRequests.inbound(
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setMessages(
                                List.of(new ChatMessage("user", content, null, null, null, null)))
                        .setMaxTokens(1)
                        .build());
    }

    @Test
    void noPromptIsTokenizedByTheMailboxThread() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request("a", 1), chat("c", "hi"));
            harness.runUntilOutcomes(2);
            assertThat(control.texts()).hasSize(2);
            assertThat(control.tokenizing()).isNotEmpty().doesNotContain(Thread.currentThread());
        }
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("millrace-prompts"));
    }

    @Test
    void aSnapshotWhileAPromptIsTokenizedHasTheRequest() throws Exception {
        Inbound.Request request = request("a", 7);
        control.holdTexts("prompt of a");
        OperatorSubtaskState state;
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.sendUnprepared(request);
            control.awaitTexts(1);
            state = harness.snapshot();
            assertThat(harness.valve().requests()).isEqualTo(1);
            assertThat(control.added()).isEmpty();
            control.releaseTexts();
        }
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.runUntilOutcomes(1);
            assertThat(harness.ids()).containsExactly("a");
            assertThat(completion(harness.outcomes().get(0)).getTokenIds())
                    .isEqualTo(expected(request));
            assertThat(harness.outcomes().get(0).origin().value())
                    .isEqualTo(request.origin().value());
        }
    }

    @Test
    void aSnapshotWhileAnUnfinishedRequestIsTokenizedAgainKeepsItsTokens() throws Exception {
        Inbound.Request request = request("a", 20);
        control.hold();
        OperatorSubtaskState state;
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request);
            control.awaitAdded(1);
            control.step(7);
            state = harness.snapshot();
        }
        control.holdTexts("prompt of a");
        try (InferenceHarness harness =
                InferenceHarness.openUnprepared(options().build(), 1, 0, state)) {
            control.awaitTexts(2);
            state = harness.snapshot();
            control.releaseTexts();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.runUntilOutcomes(1);
            assertThat(completion(harness.outcomes().get(0)).getTokenIds())
                    .isEqualTo(expected(request));
            assertThat(control.decoded("a")).isEqualTo(20);
        }
    }

    @Test
    void aShortPromptDoesNotWaitForALongOne() throws Exception {
        control.holdTexts("long");
        try (InferenceHarness harness =
                InferenceHarness.open(options().maxPromptBytes(100_000).build())) {
            harness.sendUnprepared(tooLong("long", 5_000));
            // Within the long lane.
            Inbound.Request chat = chat("chat", "long " + "x".repeat(17_000));
            harness.sendUnprepared(chat);
            harness.sendUnprepared(request("b", 1), request("c", 1));
            harness.runUntilOutcomes(1);
            control.releaseTexts();
            harness.runUntilOutcomes(4);
            assertThat(harness.ids()).contains("b", "c", "long", "chat");
        }
    }

    @Test
    void orderedOutcomesLeaveInOrderOfArrivalHoweverLongTheirPromptsAre() throws Exception {
        control.holdTexts("long");
        try (InferenceHarness harness =
                InferenceHarness.open(options().ordered(true).maxPromptBytes(9_000).build())) {
            harness.sendUnprepared(chat("chat", "long"), tooLong("bytes", 10_000), request("b", 1));
            control.awaitTexts(1);
            harness.runMails();
            assertThat(harness.outcomes()).isEmpty();
            control.releaseTexts();
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactly("chat", "bytes", "b");
        }
    }

    @Test
    void whatIsRefusedByItsLengthIsNeverTokenized() throws Exception {
        try (InferenceHarness harness =
                InferenceHarness.open(options().maxPromptBytes(30_000).build())) {
            harness.send(
                    tooLong("length", 9_995),
                    tooLong("bytes", 30_001),
                    chat("rendered", "x".repeat(20_000)),
                    chat("contents", "\u20AC".repeat(10_001)),
                    tooLong("tokenized", 4_091));
            harness.runUntilOutcomes(5);
            assertThat(control.texts()).containsExactly("long " + "x".repeat(4_091));
            assertThat(harness.outcomes())
                    .allMatch(
                            outcome ->
                                    ((Outcome.Failed) outcome).code()
                                            == FailureCode.PROMPT_TOO_LONG);
            assertThat(messages(harness))
                    .containsEntry(
                            "length",
                            "The prompt has at least 5000 tokens (by its 10000 characters), which"
                                    + " leaves no room for an answer in a context of 4096: shorten it"
                                    + " to at most 4095 tokens.")
                    .containsEntry(
                            "bytes",
                            "The prompt has 30006 bytes, but this job tokenizes prompts of at most"
                                    + " 30000: shorten it, or raise the job's maxPromptBytes.")
                    .containsEntry(
                            "contents",
                            "The prompt has 30003 bytes, but this job tokenizes prompts of at most"
                                    + " 30000: shorten it, or raise the job's maxPromptBytes.")
                    .containsEntry("tokenized", "The prompt has 4096 tokens; at most 4095 fit.");
            assertThat(messages(harness).get("rendered")).startsWith("The prompt has at least 100");
        }
    }

    private static Map<String, String> messages(InferenceHarness harness) {
        return harness.outcomes().stream()
                .collect(
                        Collectors.toMap(
                                TestingRequests::id,
                                outcome -> ((Outcome.Failed) outcome).message()));
    }

    @Test
    void aRequestWhoseDeadlinePassesWhileItIsTokenizedLeavesOnce() throws Exception {
        control.holdTexts("prompt of late");
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.flink.setProcessingTime(1_000);
            Inbound.Request late = request("late", 54);
            late.request().setDeadlineMs(2_000L);
            harness.sendUnprepared(late);
            control.awaitTexts(1);
            harness.flink.setProcessingTime(2_001);
            assertThat(harness.ids()).containsExactly("late");
            control.releaseTexts();
            harness.send(request("next", 1));
            harness.runUntilOutcomes(2);
            assertThat(harness.ids()).containsExactly("late", "next");
            assertThat(control.added()).hasSize(1);
            assertThat(harness.valve().tokens()).isZero();
            assertThat(harness.valve().isEmpty()).isTrue();
        }
    }

    @Test
    void theValveCountsTextsAndConversationsWhileTheyAreTokenized() throws Exception {
        control.holdTexts("x");
        try (InferenceHarness harness =
                InferenceHarness.open(options().maxInFlightTokens(300).build())) {
            Valve valve = harness.valve();
            harness.sendUnprepared(chat("chat", "x".repeat(400)));
            assertThat(valve.tokens()).isEqualTo(400 / 4 + 1 + 1);
            harness.sendUnprepared(tooLong("long", 395));
            assertThat(valve.tokens()).isEqualTo(102 + 101);
            assertThat(valve.isOpen()).isTrue();
            // More than a request can have does not count: it will be refused.
            harness.sendUnprepared(tooLong("longer", 1_000_000));
            assertThat(valve.tokens()).isEqualTo(203 + TestingEngine.DEFAULT_MAX_MODEL_LEN);
            assertThat(valve.isOpen()).isFalse();
            control.releaseTexts();
            harness.runUntilOutcomes(3);
            assertThat(valve.tokens()).isZero();
            assertThat(valve.isOpen()).isTrue();
        }
    }

    @Test
    void aStaticBatchStartsWhenItsLastPromptIsTokenized() throws Exception {
        control.holdTexts("prompt of b");
        try (InferenceHarness harness =
                InferenceHarness.open(options().batching(Batching.STATIC).build())) {
            harness.sendUnprepared(request("a", 1), request("b", 1));
            harness.sendUnprepared(tooLong("refused", 10_000));
            control.awaitTexts(2);
            harness.runMails();
            assertThat(control.added()).isEmpty();
            control.releaseTexts();
            harness.runUntilOutcomes(3);
            assertThat(control.added()).hasSize(2);
            harness.send(request("c", 1));
            harness.runUntilOutcomes(4);
        }
    }

    /** Remembers who encoded what, and waits until it may. */
    private static final class TestingEncoder implements FailureEncoder {
        private static final long serialVersionUID = 1L;
        final transient CountDownLatch mayEncode = new CountDownLatch(1);
        final transient List<Thread> threads = new CopyOnWriteArrayList<>();

        record Encoded(String id) implements Outcome.Encoded {}

        @Override
        public Outcome.Encoded encode(Outcome.Failed failed) {
            threads.add(Thread.currentThread());
            try {
                mayEncode.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException("closed meanwhile", e);
            }
            if (failed.id().equals("fault")) {
                throw new IllegalStateException("no registry");
            }
            return new Encoded(failed.id());
        }
    }

    /** An unreadable record with that many bytes. */
    private static Inbound.Rejected rejected(String id, int bytes) {
        Origin origin = TestingRequests.origin(id);
        return new Inbound.Rejected(
                new Origin(
                        origin.source(),
                        origin.position(),
                        origin.timestamp(),
                        origin.key(),
                        origin.headers(),
                        new byte[bytes]),
                id,
                FailureCode.UNREADABLE,
                "no JSON");
    }

    @Test
    void theFailureOfALongRecordIsEncodedByAnotherThreadAndDelaysNobody() throws Exception {
        TestingEncoder encoder = new TestingEncoder();
        try (InferenceHarness harness =
                InferenceHarness.open(options().build().withFailures(encoder))) {
            harness.sendUnprepared(rejected("long", 16_385), rejected("short", 16_384));
            harness.sendUnprepared(request("a", 1));
            harness.runUntilOutcomes(2);
            assertThat(harness.ids()).containsExactlyInAnyOrder("short", "a");
            assertThat(harness.valve().requests()).isEqualTo(1);
            encoder.mayEncode.countDown();
            harness.runUntilOutcomes(3);
            Outcome.Failed failed = (Outcome.Failed) harness.outcomes().get(2);
            assertThat(failed.encoded()).isEqualTo(new TestingEncoder.Encoded("long"));
            assertThat(failed.message()).isEqualTo("no JSON");
            assertThat(encoder.threads).hasSize(1).doesNotContain(Thread.currentThread());
            assertThat(harness.valve().isEmpty()).isTrue();
        }
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("millrace-long-records"));
    }

    @Test
    void orderedOutcomesWaitForAFailureThatIsBeingEncoded() throws Exception {
        TestingEncoder encoder = new TestingEncoder();
        try (InferenceHarness harness =
                InferenceHarness.open(options().ordered(true).build().withFailures(encoder))) {
            harness.sendUnprepared(rejected("long", 20_000), rejected("short", 97));
            harness.runMails();
            assertThat(harness.outcomes()).isEmpty();
            encoder.mayEncode.countDown();
            harness.runUntilOutcomes(2);
            assertThat(harness.ids()).containsExactly("long", "short");
        }
    }

    @Test
    void aSnapshotWhileAFailureIsEncodedHasTheFailure() throws Exception {
        TestingEncoder encoder = new TestingEncoder();
        OperatorSubtaskState state;
        try (InferenceHarness harness =
                InferenceHarness.open(options().build().withFailures(encoder))) {
            harness.sendUnprepared(rejected("long", 1_000_001));
            state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
        }
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.runUntilOutcomes(1);
            Outcome.Failed failed = (Outcome.Failed) harness.outcomes().get(0);
            assertThat(failed.code()).isEqualTo(FailureCode.UNREADABLE);
            assertThat(failed.message()).isEqualTo("no JSON");
            assertThat(failed.encoded()).isNull();
            assertThat(failed.origin().value()).hasSize(1_000_001);
        }
    }

    @Test
    void aFaultOfTheEncoderFailsTheTask() throws Exception {
        TestingEncoder encoder = new TestingEncoder();
        encoder.mayEncode.countDown();
        try (InferenceHarness harness =
                InferenceHarness.open(options().build().withFailures(encoder))) {
            harness.sendUnprepared(rejected("fault", 20_000));
            assertThatThrownBy(() -> harness.runUntilOutcomes(1))
                    .hasStackTraceContaining("no registry");
        }
    }

    private static final Reading<InferenceRequest> JSON = Reading.json(RecordType.REQUEST);

    /** A long record that nobody has read: JSON with much space in it. */
    private static Inbound.Unread unread(String id, String json) {
        Origin origin = TestingRequests.origin(id);
        return new Inbound.Unread(
                new Origin(
                        origin.source(),
                        origin.position(),
                        origin.timestamp(),
                        origin.key(),
                        origin.headers(),
                        (json + " ".repeat(20_000)).getBytes(StandardCharsets.UTF_8)),
                JSON);
    }

    /** As {@link TestingRequests#request}. */
    private static Inbound.Unread unread(String id, int tokens) {
        return unread(
                id,
                "{\"id\":\"%s\",\"prompt\":\"prompt of %s\",\"max_tokens\":%d,\"ignore_eos\":true}"
                        .formatted(id, id, tokens));
    }

    @Test
    void aLongRecordIsReadByAnotherThreadAndAnsweredAsAnyOther() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.sendUnprepared(unread("a", 7));
            // Only a mail could take it further.
            assertThat(harness.valve().requests()).isEqualTo(1);
            assertThat(harness.valve().tokens()).isGreaterThan(20_000 / 4 / 2);
            assertThat(control.texts()).isEmpty();
            harness.runUntilOutcomes(1);
            Outcome.Answered answered = (Outcome.Answered) harness.outcomes().get(0);
            assertThat(completion(answered).getTokenIds()).isEqualTo(expected(request("a", 7)));
            assertThat(answered.result().getId()).isEqualTo("a");
            assertThat(harness.valve().tokens()).isZero();
        }
    }

    @Test
    void aLongRecordThatIsNoRequestIsRefusedWithItsId() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.flink.setProcessingTime(2);
            harness.send(
                    unread("a", "{\"id\":\"a\",\"promt\":\"x\"}"),
                    unread("b", "{\"id\":\"b\",\"prompt\":\"x\",\"top_p\":2}"),
                    unread("c", "{\"id\":\"c\",\"prompt\":\"x\",\"deadline_ms\":1}"));
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactlyInAnyOrder("a", "b", "c");
            assertThat(messages(harness).get("a")).contains("did you mean prompt?");
            assertThat(messages(harness).get("b")).contains("top_p is 2.0");
            assertThat(messages(harness).get("c")).contains("deadline_ms is 1");
            assertThat(control.added()).isEmpty();
            assertThat(harness.valve().isEmpty()).isTrue();
        }
    }

    @Test
    void aStaticBatchStartsWhenItsLongRecordsAreRead() throws Exception {
        try (InferenceHarness harness =
                InferenceHarness.open(options().batching(Batching.STATIC).build())) {
            harness.sendBatch(request("a", 1), unread("b", 1), unread("c", "{\"id\":\"c\"}"));
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactlyInAnyOrder("a", "b", "c");
        }
    }

    @Test
    void aSnapshotBeforeALongRecordIsReadAndOneAfterItsFirstTokensHaveIt() throws Exception {
        Inbound.Unread record = unread("a", 20);
        OperatorSubtaskState state;
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.sendUnprepared(record);
            state = harness.snapshot();
            assertThat(control.texts()).isEmpty();
        }
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.snapshot();
            state = harness.flink.snapshot(2, 2);
        }
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            control.awaitAdded(2);
            control.step(7);
            state = harness.snapshot();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.runUntilOutcomes(1);
            Outcome outcome = harness.outcomes().get(0);
            assertThat(completion(outcome).getTokenIds()).isEqualTo(expected(request("a", 20)));
            assertThat(((Outcome.Answered) outcome).facts().attempts()).isEqualTo(3);
            assertThat(outcome.origin().value()).isEqualTo(record.origin().value());
        }
    }
}
