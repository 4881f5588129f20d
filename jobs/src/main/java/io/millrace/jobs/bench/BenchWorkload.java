package io.millrace.jobs.bench;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Requests of random tokens, submitted all at once and decoded to their full length.
 *
 * @param name its name in results
 * @param requests number of requests
 * @param prompt tokens of each prompt
 * @param leastOutput minimum tokens of an answer
 * @param mostOutput maximum tokens of an answer
 */
record BenchWorkload(String name, int requests, int prompt, int leastOutput, int mostOutput) {

    /** Sequences decoded together, with a context of about a hundred tokens. */
    static BenchWorkload decode(int batch, int context) {
        int prompt = Math.min(32, context / 4);
        int output = Math.min(64, context / 2);
        return new BenchWorkload("decode, batch " + batch, batch, prompt, output, output);
    }

    /** One long prompt. */
    static BenchWorkload prompt(int context) {
        int prompt = Math.min(512, context / 2);
        return new BenchWorkload("prompt of %d tokens".formatted(prompt), 1, prompt, 1, 1);
    }

    /** Requests of different lengths, more than run at once. */
    static BenchWorkload mixed(int requests, int context) {
        int prompt = Math.min(128, context / 2);
        int most = Math.min(128, context - prompt);
        int least = Math.min(32, most);
        String name =
                "%d requests, %d tokens in, %d to %d out".formatted(requests, prompt, least, most);
        return new BenchWorkload(name, requests, prompt, least, most);
    }

    /** The same shape with another number of requests. */
    BenchWorkload withRequests(int value) {
        return new BenchWorkload(name, value, prompt, leastOutput, mostOutput);
    }

    /**
     * Random requests; another seed gives other prompts, so that no prefix cache shortens a run.
     */
    List<GenerationRequest> draw(long seed, int vocabulary) {
        SplittableRandom random = new SplittableRandom(seed);
        List<GenerationRequest> drawn = new ArrayList<>(requests);
        for (int i = 0; i < requests; i++) {
            int[] tokens = random.ints(prompt, 0, vocabulary).toArray();
            SamplingParameters sampling =
                    SamplingParameters.builder()
                            .maxTokens(random.nextInt(leastOutput, mostOutput + 1))
                            .ignoreEos(true)
                            .build();
            drawn.add(GenerationRequest.of("bench-" + i, tokens, sampling));
        }
        return drawn;
    }
}
