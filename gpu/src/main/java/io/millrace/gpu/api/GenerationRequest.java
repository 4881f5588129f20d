package io.millrace.gpu.api;

import java.util.List;

/**
 * One prompt to be completed, as token ids.
 *
 * @param id the caller's name for it: the seed's source where none is given; need not be unique
 * @param promptTokenIds the prompt, at least one token; not copied, must not change
 * @param sampling how tokens are drawn
 * @param priority lower numbers are scheduled first
 * @param generated tokens generated before an interruption, one array a completion; empty for a new
 *     request. The engine goes on after them and gives the same bits as if never interrupted.
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

    /** A new request of ordinary priority. */
    public static GenerationRequest of(
            String id, int[] promptTokenIds, SamplingParameters sampling) {
        return new GenerationRequest(id, promptTokenIds, sampling, 0, List.of());
    }
}
