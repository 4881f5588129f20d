package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.expected;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.session.EngineFailedException;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.util.List;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class InferenceOperatorTest extends InferenceOperatorFixture {
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
}
