package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;

/** Requests for a decoder engine on a testing runner. */
final class TestingWorkload {
    /** Each matches some text of one letter. */
    private static final List<String> REGEXES = List.of("[a-m]+", "z|(xy?)+", "[b-df-hj-z]{1,17}");

    private TestingWorkload() {}

    /**
     * Requests of all kinds: lengths, temperatures, n, penalties, edits, stops, constraints,
     * priorities.
     */
    static List<GenerationRequest> workload(int size, long seed) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int[] prompt = new int[1 + random.nextInt(54)];
            for (int j = 0; j < prompt.length; j++) {
                prompt[j] = random.nextInt(VOCABULARY);
            }
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(40)).n(random.nextInt(4) == 0 ? 3 : 1);
            p.temperature(random.nextInt(3)).topP(random.nextBoolean() ? 1 : 0.8);
            p.topK(random.nextInt(3) * 5).ignoreEos(random.nextBoolean());
            p.repetitionPenalty(random.nextInt(4) == 0 ? 1.3 : 1);
            p.frequencyPenalty(random.nextInt(4) == 0 ? 0.3 : 0);
            p.logprobs(random.nextInt(4) == 0 ? 2 : -1);
            p.stop(random.nextInt(3) == 0 ? List.of("ab", "q", "xyz") : List.of());
            p.stopTokenIds(random.nextInt(3) == 0 ? List.of(3) : List.of());
            p.minTokens(random.nextInt(3) == 0 ? random.nextInt(17) : 0);
            p.logitBias(random.nextInt(3) == 0 ? Map.of("5", 1.5, "7", -2.0) : Map.of());
            p.suppressTokens(random.nextInt(3) == 0 ? List.of(5, random.nextInt(9)) : List.of());
            if (i % 5 == 3) {
                p.constraint(new Constraint.Regex(REGEXES.get(i / 5 % REGEXES.size())));
                p.stop(List.of()).stopTokenIds(List.of()).suppressTokens(List.of());
            }
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, p.build(), random.nextInt(2), List.of()));
        }
        return requests;
    }

    /** Such requests with prompts that begin alike, some of them to the last token. */
    static List<GenerationRequest> family(int size, long seed) {
        Random random = new Random(seed);
        int[] stem = random.ints(54, 0, VOCABULARY).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : workload(size, seed)) {
            int[] prompt = Arrays.copyOf(stem, 1 + random.nextInt(stem.length));
            for (int own = random.nextInt(3) * 4; own > 0; own--) {
                prompt[random.nextInt(prompt.length)] = random.nextInt(2);
            }
            requests.add(
                    new GenerationRequest(
                            r.id(), prompt, r.sampling(), r.priority(), r.generated()));
        }
        return requests;
    }

    static GenerationRequest request(
            String id, String prompt, UnaryOperator<SamplingParameters.Builder> change) {
        return GenerationRequest.of(
                id,
                new TestingTokenizer().encode(prompt),
                change.apply(SamplingParameters.builder()).build());
    }

    static GenerationRequest prompt(int length) {
        return GenerationRequest.of("r", new int[length], SamplingParameters.greedy(1));
    }
}
