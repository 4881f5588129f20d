package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.expected;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.FailureCode;
import java.time.Instant;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Conversations: written by the template of the model, once it is known. */
@Timeout(60)
class InferenceOperatorChatTest extends InferenceOperatorFixture {
    private static Inbound.Request chat(String id, String role, String content) {
        Inbound.Request request = request(id, 17);
        request.request().setPrompt(null);
        request.request()
                .setMessages(
                        List.of(
                                new ChatMessage("system", "Be brief.", null, null, null, null),
                                new ChatMessage(role, content, null, null, null, null)));
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
}
