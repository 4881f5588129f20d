package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.TestingWorkload.prompt;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Requests that are refused before anything is computed. */
class DecoderRefusalTest {
    @Test
    void aRequestThatCanNeverBeAnsweredIsRefusedWithValueAndRemedy() {
        DecoderEngine engine = ROOMY.open();
        assertRefused(engine, prompt(0), Reason.EMPTY_PROMPT, "has no token");
        assertRefused(
                engine,
                prompt(97),
                Reason.PROMPT_TOO_LONG,
                "The prompt has 97 tokens, which leaves no room for an answer in a context of 97: shorten it to at most 96 tokens.");
        DecoderEngine small = new DecoderSettings(5, 7, 10, 10).open();
        assertRefused(
                small,
                prompt(28),
                Reason.PROMPT_TOO_LONG,
                "The prompt has 28 tokens and its answer may have 1 (max_tokens is 1), 29 together, but kvCacheBytes has room for 28: raise it to at least 42 KiB, or shorten the prompt to at most 27.");
        assertRefused(small, prompt(97), Reason.PROMPT_TOO_LONG, "in a context of 97");
        assertThat(small.model().maxModelLen()).isEqualTo(28);
        assertRefused(
                engine,
                GenerationRequest.of("r", new int[] {0, 27}, SamplingParameters.greedy(1)),
                Reason.INVALID_PARAMETER,
                "The prompt's token 1 is 27; this model's token ids go from 0 to 26.");
    }

    @Test
    void parametersOutOfRangeAreRefusedByName() {
        DecoderEngine engine = ROOMY.open();
        assertInvalid(engine, p -> p.maxTokens(0), "max_tokens is 0; it must be at least 1.");
        assertInvalid(
                engine, p -> p.temperature(-0.1), "temperature is -0.1; it must be from 0 to 100.");
        assertInvalid(engine, p -> p.temperature(101), "temperature is 101.0");
        assertInvalid(engine, p -> p.temperature(Double.NaN), "temperature is NaN");
        assertInvalid(
                engine, p -> p.topP(0), "top_p is 0.0; it must be greater than 0 and at most 1.");
        assertInvalid(engine, p -> p.topP(1.5), "top_p is 1.5");
        assertInvalid(engine, p -> p.topP(Double.NaN), "top_p is NaN");
        assertInvalid(engine, p -> p.topK(-1), "top_k is -1");
        assertInvalid(engine, p -> p.minP(-1), "min_p is -1.0");
        assertInvalid(engine, p -> p.minP(1.1), "min_p is 1.1");
        assertInvalid(engine, p -> p.repetitionPenalty(0), "repetition_penalty is 0.0");
        assertInvalid(
                engine,
                p -> p.repetitionPenalty(Double.POSITIVE_INFINITY),
                "repetition_penalty is Infinity");
        assertInvalid(
                engine,
                p -> p.presencePenalty(-2.1),
                "presence_penalty is -2.1; it must be from -2 to 2.");
        assertInvalid(engine, p -> p.frequencyPenalty(2.1), "frequency_penalty is 2.1");
        assertInvalid(engine, p -> p.n(0), "n is 0; it must be from 1 to 64.");
        assertInvalid(engine, p -> p.n(65), "n is 65");
        assertInvalid(engine, p -> p.logprobs(21), "logprobs is 21");
        assertInvalid(engine, p -> p.logprobs(-2), "logprobs is -2");
        assertInvalid(engine, p -> p.stop(List.of("a", "")), "stop is a list with an empty string");
        assertInvalid(
                engine,
                p -> p.stop(Collections.nCopies(17, "x")),
                "stop is 17 strings; it must be at most 16.");
        assertInvalid(
                engine,
                p -> p.stopTokenIds(List.of(1, 27)),
                "stop_token_ids[1] is 27; it must be one of this model's token ids, from 0 to 26.");
        assertInvalid(engine, p -> p.stopTokenIds(List.of(-1)), "stop_token_ids[0] is -1");
        assertInvalid(engine, p -> p.minTokens(-1), "min_tokens is -1; it must be at least 0.");
        assertInvalid(
                engine,
                p -> p.suppressTokens(List.of(1, 27)),
                "suppress_tokens[1] is 27; it must be one of this model's token ids, from 0 to 26.");
        assertInvalid(
                engine,
                p -> p.suppressTokens(Collections.nCopies(1025, 1)),
                "suppress_tokens is 1025 tokens; it must be at most 1024.");
        assertInvalid(
                engine,
                p -> p.logitBias(Map.of("27", 1.0)),
                "A token of logit_bias is 27; it must be one of this model's token ids, from 0 to 26.");
        assertInvalid(engine, p -> p.logitBias(Map.of("1", -101.0)), "logit_bias[1] is -101.0");
        assertThat(engine.hasWork()).isFalse();
    }

    @Test
    void whatARequestHoldsBackIsBounded() throws Exception {
        EndOfText ends = EndOfText.of(List.of(4097, 17));
        RequestCheck check =
                new RequestCheck(
                        5000,
                        ends,
                        new SequenceRoom(97, 97, 200, 16, 1000, EngineOptions.of("model").names()),
                        new ConstraintCheck(
                                ModelText.of(new TestingTokenizer()),
                                ends,
                                new TestingModelRunner(5000, 200, 16),
                                1 << 20));
        List<Integer> stops = IntStream.range(0, 2047).boxed().toList();
        check.check(request("r", "abc", p -> p.stopTokenIds(stops).minTokens(1)));
        check.check(request("r", "abc", p -> p.stopTokenIds(stops).suppressTokens(List.of(4096))));
        assertThatThrownBy(
                        () ->
                                check.check(
                                        request(
                                                "r",
                                                "abc",
                                                p ->
                                                        p.stopTokenIds(stops)
                                                                .minTokens(1)
                                                                .suppressTokens(List.of(4096)))))
                .isInstanceOf(RequestRejectedException.class)
                .hasMessageContaining("2049 tokens")
                .hasMessageContaining("at most 2048");
    }

    @Test
    void aResumeThatDoesNotFitTheRequestIsRefused() {
        DecoderEngine engine = ROOMY.open();
        SamplingParameters one = SamplingParameters.greedy(5);
        int[] prompt = {1};
        List<int[]> two = List.of(new int[1], new int[1]);
        assertRefused(
                engine,
                new GenerationRequest("r", prompt, one, 0, two),
                Reason.INVALID_PARAMETER,
                "Tokens of 2 completions were generated before, but n is 1.");
        List<int[]> alien = List.of(new int[] {99});
        assertRefused(
                engine,
                new GenerationRequest("r", prompt, one, 0, alien),
                Reason.INVALID_PARAMETER,
                "Token 99 was generated before");
    }

    private static void assertInvalid(
            DecoderEngine engine,
            UnaryOperator<SamplingParameters.Builder> change,
            String message) {
        assertRefused(engine, request("r", "abc", change), Reason.INVALID_PARAMETER, message);
    }

    private static void assertRefused(
            DecoderEngine engine, GenerationRequest request, Reason reason, String message) {
        assertThatThrownBy(() -> engine.check(request))
                .hasMessageContaining(message)
                .isInstanceOfSatisfying(
                        RequestRejectedException.class,
                        e -> assertThat(e.reason()).isEqualTo(reason));
        assertThatThrownBy(() -> engine.add(request)).hasMessageContaining(message);
    }
}
