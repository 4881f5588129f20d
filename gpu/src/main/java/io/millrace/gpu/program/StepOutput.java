package io.millrace.gpu.program;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;

/**
 * The results of a step, by sample: those of a row of its {@link StepBatch} are {@code
 * sampleStart[row]} up to {@code sampleStart[row + 1]}. Reused from step to step.
 */
public final class StepOutput {
    /** Stands for a token if a logit is NaN or infinite; only this request fails. */
    public static final int BAD_LOGITS = -2;

    /** Sampled token, or {@link #BAD_LOGITS}; undefined for a row that was dropped. (samples) */
    public final int[] tokenIds;

    /** Log probabilities, null if not requested. (samples) */
    public final TokenLogprobs[] logprobs;

    public StepOutput(int maxSamples) {
        tokenIds = new int[maxSamples];
        logprobs = new TokenLogprobs[maxSamples];
    }
}
