package io.millrace.operators.request;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.record.Inbound;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RequestValidatorTest {
    private final RequestValidator validator = new RequestValidator("triage");

    private static Arguments of(
            FailureCode code, String message, Consumer<InferenceRequest> change) {
        return Arguments.of(code, message, change);
    }

    static Stream<Arguments> badRequests() {
        FailureCode invalid = FailureCode.INVALID_PARAMETER;
        return Stream.of(
                of(FailureCode.MISSING_ID, "id is missing", r -> r.setId("")),
                of(FailureCode.UNKNOWN_MODEL, "\"gpt\"", r -> r.setModel("gpt")),
                of(FailureCode.EMPTY_PROMPT, "no prompt", r -> r.setPrompt(null)),
                of(FailureCode.EMPTY_PROMPT, "prompt is empty", r -> r.setPrompt("")),
                of(
                        FailureCode.EMPTY_PROMPT,
                        "prompt_token_ids is empty",
                        r -> {
                            r.setPrompt(null);
                            r.setPromptTokenIds(List.of());
                        }),
                of(
                        FailureCode.AMBIGUOUS_PROMPT,
                        "More than one",
                        r -> r.setPromptTokenIds(List.of(1))),
                of(
                        FailureCode.AMBIGUOUS_PROMPT,
                        "More than one",
                        r ->
                                r.setMessages(
                                        List.of(
                                                new ChatMessage(
                                                        "user", "hi", null, null, null, null)))),
                of(
                        FailureCode.EMPTY_PROMPT,
                        "messages is empty; give at least one message.",
                        r -> {
                            r.setPrompt(null);
                            r.setMessages(List.of());
                        }),
                of(
                        invalid,
                        "constraint has 0 of choice, regex and json_schema; set one.",
                        r -> r.setConstraint(new Constraint(null, null, null))),
                of(
                        invalid,
                        "constraint has 2 of choice, regex and json_schema; set one.",
                        r -> r.setConstraint(new Constraint(null, "a+", "{}"))),
                of(
                        invalid,
                        "constraint.choice is empty",
                        r -> r.setConstraint(new Constraint(List.of(), null, null))),
                of(
                        invalid,
                        "prompt_token_ids[1] is -1",
                        r -> {
                            r.setPrompt(null);
                            r.setPromptTokenIds(List.of(1, -1));
                        }),
                of(invalid, "max_tokens is 0", r -> r.setMaxTokens(0)),
                of(invalid, "temperature is -0.1", r -> r.setTemperature(-0.1)),
                of(invalid, "temperature is 100.1", r -> r.setTemperature(100.1)),
                of(invalid, "temperature is NaN", r -> r.setTemperature(Double.NaN)),
                of(invalid, "top_p is 0.0", r -> r.setTopP(0.0)),
                of(invalid, "top_p is 1.1", r -> r.setTopP(1.1)),
                of(invalid, "top_k is -1", r -> r.setTopK(-1)),
                of(invalid, "min_p is -0.1", r -> r.setMinP(-0.1)),
                of(invalid, "min_p is 1.1", r -> r.setMinP(1.1)),
                of(invalid, "repetition_penalty is 0.0", r -> r.setRepetitionPenalty(0.0)),
                of(
                        invalid,
                        "repetition_penalty is Infinity",
                        r -> r.setRepetitionPenalty(Double.POSITIVE_INFINITY)),
                of(invalid, "presence_penalty is 2.1", r -> r.setPresencePenalty(2.1)),
                of(invalid, "presence_penalty is -2.1", r -> r.setPresencePenalty(-2.1)),
                of(invalid, "frequency_penalty is 2.1", r -> r.setFrequencyPenalty(2.1)),
                of(invalid, "frequency_penalty is -2.1", r -> r.setFrequencyPenalty(-2.1)),
                of(invalid, "n is 0", r -> r.setN(0)),
                of(invalid, "n is 65", r -> r.setN(65)),
                of(invalid, "logprobs is -1", r -> r.setLogprobs(-1)),
                of(invalid, "logprobs is 21", r -> r.setLogprobs(21)),
                of(invalid, "stop is 17", r -> r.setStop(Collections.nCopies(17, "x"))),
                of(invalid, "empty string", r -> r.setStop(List.of("x", ""))),
                of(invalid, "stop_token_ids[0] is -5", r -> r.setStopTokenIds(List.of(-5))),
                of(invalid, "min_tokens is -1", r -> r.setMinTokens(-1)),
                of(invalid, "A token of logit_bias is a", r -> r.setLogitBias(Map.of("a", 1.0))),
                of(invalid, "logit_bias[5] is 101.0", r -> r.setLogitBias(Map.of("5", 101.0))),
                of(invalid, "suppress_tokens[0] is -5", r -> r.setSuppressTokens(List.of(-5))),
                of(invalid, "deadline_ms is 0", r -> r.setDeadlineMs(0L)),
                of(invalid, "deadline_ms is", r -> r.setDeadlineMs(Long.MAX_VALUE)),
                of(
                        invalid,
                        "deadline_ms is 1764000000, a moment in 1970: it counts milliseconds since"
                                + " 1970, not seconds; write 1764000000000.",
                        r -> r.setDeadlineMs(1_764_000_000L)),
                of(
                        invalid,
                        "not from now; write the time now, in milliseconds, and 30000 more.",
                        r -> r.setDeadlineMs(30_000L)));
    }

    @ParameterizedTest
    @MethodSource("badRequests")
    void aBadRequestIsRejectedByNameWithItsOrigin(
            FailureCode code, String message, Consumer<InferenceRequest> change) {
        Inbound.Request request = TestingRequests.request("a", 1);
        change.accept(request.request());
        Inbound.Rejected rejected = (Inbound.Rejected) validator.map(request);
        assertThat(rejected.code()).isEqualTo(code);
        assertThat(rejected.message()).contains(message);
        assertThat(rejected.origin()).isEqualTo(request.origin());
        assertThat(rejected.id()).isEqualTo(request.request().getId());
    }

    static Stream<Consumer<InferenceRequest>> goodRequests() {
        return Stream.of(
                r -> {},
                r -> r.setModel("triage"),
                r -> {
                    r.setPrompt(null);
                    r.setPromptTokenIds(List.of(0, 96));
                },
                r -> {
                    r.setPrompt(null);
                    r.setMessages(List.of(new ChatMessage("user", "", null, null, null, null)));
                },
                r -> {
                    r.setMaxTokens(1);
                    r.setTemperature(100.0);
                    r.setTopP(1.0);
                    r.setTopK(0);
                    r.setMinP(1.0);
                    r.setRepetitionPenalty(0.01);
                    r.setPresencePenalty(-2.0);
                    r.setFrequencyPenalty(2.0);
                    r.setN(64);
                    r.setLogprobs(20);
                    r.setSeed(Long.MIN_VALUE);
                    r.setStop(Collections.nCopies(16, "x"));
                    r.setStopTokenIds(List.of(0));
                    r.setDeadlineMs(100_000_000_000L);
                    r.setPriority(-7);
                });
    }

    @ParameterizedTest
    @MethodSource("goodRequests")
    void aGoodRequestPassesAsItIs(Consumer<InferenceRequest> change) {
        Inbound.Request request = TestingRequests.request("a", 1);
        change.accept(request.request());
        assertThat(validator.map(request)).isSameAs(request);
    }

    @Test
    void whatWasRejectedBeforePassesAsItIs() {
        Inbound rejected =
                new Inbound.Rejected(
                        TestingRequests.origin("x"), null, FailureCode.UNREADABLE, "bytes");
        assertThat(validator.map(rejected)).isSameAs(rejected);
    }
}
