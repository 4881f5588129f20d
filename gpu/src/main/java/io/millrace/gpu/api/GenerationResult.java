package io.millrace.gpu.api;

import java.util.List;

/**
 * The finished answer to one {@link GenerationRequest}.
 *
 * @param id the request's
 * @param promptTokens tokens of the prompt
 * @param cachedTokens prompt tokens whose K/V completion 0 found in the prefix tree; depends on the
 *     run, not only on the request
 * @param completions by index, 0 to n-1
 */
public record GenerationResult(
        String id, int promptTokens, int cachedTokens, List<Completion> completions) {

    /**
     * One completion.
     *
     * @param index 0 to n-1
     * @param text without special tokens, ending before the stop string or stop token that ended it
     * @param tokenIds all generated tokens, a stop token included
     * @param finishReason why it ended
     * @param logprobs one entry per token; null if not requested
     */
    public record Completion(
            int index,
            String text,
            int[] tokenIds,
            FinishReason finishReason,
            List<TokenLogprobs> logprobs) {}

    /**
     * Natural-log probabilities at one position, from the raw logits.
     *
     * @param tokenId the generated token
     * @param logprob its log probability
     * @param topIds the most likely tokens, most likely first, ties to the lowest id
     * @param topLogprobs their log probabilities
     */
    public record TokenLogprobs(int tokenId, float logprob, int[] topIds, float[] topLogprobs) {}
}
