package io.millrace.gpu.api;

import java.util.List;

/**
 * One prompt to be completed, as token ids.
 *
 * @param id the caller's id; the default seed is its hash; need not be unique
 * @param promptTokenIds the prompt, at least one token; not copied, must not change
 * @param sampling sampling parameters; a constraint that {@code Engine.compile} returned is ready,
 *     any other one is compiled by the thread that adds the request, between two steps
 * @param priority lower numbers are scheduled first
 * @param generated tokens generated before an interruption, one array per completion; empty for a
 *     new request. The engine continues after them, with the same bits as without an interruption.
 */
public record GenerationRequest(
        String id,
        int[] promptTokenIds,
        SamplingParameters sampling,
        int priority,
        List<int[]> generated) {

    public GenerationRequest {
        generated = List.copyOf(generated);
    }

    /** A new request of default priority. */
    public static GenerationRequest of(
            String id, int[] promptTokenIds, SamplingParameters sampling) {
        return new GenerationRequest(id, promptTokenIds, sampling, 0, List.of());
    }
}
