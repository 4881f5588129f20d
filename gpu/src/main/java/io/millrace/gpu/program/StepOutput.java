package io.millrace.gpu.program;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;

/**
 * What a step brought, by sample: those of a row of its {@link StepBatch} are {@code
 * sampleStart[row]} up to {@code sampleStart[row + 1]}. Reused from step to step.
 */
public final class StepOutput {
    /** In place of a token: the logits hold a NaN or an infinity; only their request fails. */
    public static final int BAD_LOGITS = -2;

    /**
     * Drawn token of each sample, or {@link #BAD_LOGITS}; anything for a row that was dropped.
     * (samples)
     */
    public final int[] tokenIds;

    /** Log probabilities of each sample, null where not asked for. (samples) */
    public final TokenLogprobs[] logprobs;

    public StepOutput(int maxSamples) {
        tokenIds = new int[maxSamples];
        logprobs = new TokenLogprobs[maxSamples];
    }
}
