package io.millrace.operators.dedupe;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Requests have one key if their answers are of the same. */
class RequestKeyTest {
    private static final int[] PROMPT = {1, 2, 3};

    private static SamplingParameters.Builder sampling() {
        return SamplingParameters.builder().maxTokens(17).temperature(0.5).seed(3L);
    }

    private static RequestKey key(String id, int[] prompt, SamplingParameters.Builder sampling) {
        GenerationRequest request =
                new GenerationRequest(id, prompt, sampling.build(), 5, List.of(new int[] {1}));
        return RequestKey.of(request, null);
    }

    @Test
    void theIdThePriorityAndTheTokensSoFarAreNoPartOfIt() {
        RequestKey key = key("a", PROMPT, sampling());
        GenerationRequest other = GenerationRequest.of("b", PROMPT.clone(), sampling().build());
        assertThat(RequestKey.of(other, null)).isEqualTo(key);
    }

    @Test
    void aSeedCountsWhereSomethingIsDrawn() {
        assertThat(key("a", PROMPT, sampling().temperature(0).seed(1L)))
                .isEqualTo(key("a", PROMPT, sampling().temperature(0).seed(null)));
        assertThat(key("a", PROMPT, sampling().seed(1L)))
                .isNotEqualTo(key("a", PROMPT, sampling().seed(2L)));
    }

    @Test
    void biasesHaveNoOrder() {
        Map<String, Double> biases = new LinkedHashMap<>();
        Map<String, Double> reversed = new LinkedHashMap<>();
        for (int i = 0; i < 97; i++) {
            biases.put("" + i, 1.5);
            reversed.put("" + (96 - i), 1.5);
        }
        assertThat(key("a", PROMPT, sampling().logitBias(biases)))
                .isEqualTo(key("a", PROMPT, sampling().logitBias(reversed)));
    }

    @Test
    void eachParameterAndEachTokenCounts() {
        List<SamplingParameters.Builder> others =
                List.of(
                        sampling(),
                        sampling().maxTokens(18),
                        sampling().temperature(0.25),
                        sampling().topP(0.5),
                        sampling().topK(5),
                        sampling().minP(0.5),
                        sampling().repetitionPenalty(1.5),
                        sampling().presencePenalty(1.5),
                        sampling().frequencyPenalty(1.5),
                        sampling().seed(4L),
                        sampling().stop(List.of("a", "b")),
                        sampling().stop(List.of("a, b")),
                        sampling().stop(List.of("a=1:b")),
                        sampling().stopTokenIds(List.of(1)),
                        sampling().suppressTokens(List.of(1)),
                        sampling().ignoreEos(true),
                        sampling().n(2),
                        sampling().logprobs(2),
                        sampling().minTokens(2),
                        sampling().logitBias(Map.of("1", 2.0)));
        Set<RequestKey> keys = new HashSet<>();
        others.forEach(each -> keys.add(key("a", PROMPT, each)));
        keys.add(key("a", new int[] {1, 2}, sampling()));
        keys.add(key("a", new int[] {1, 2, 4}, sampling()));
        GenerationRequest request = GenerationRequest.of("a", PROMPT, sampling().build());
        for (String constraint : List.of("a+", "b+", "")) {
            keys.add(RequestKey.of(request, constraint));
        }
        assertThat(keys).hasSize(others.size() + 5);
    }
}
