package io.millrace.gpu.program;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;

/** What a step brought, by row of its {@link StepBatch}. Reused from step to step. */
public final class StepOutput {
    /** In place of a token: the row was not to be sampled. */
    public static final int NOT_SAMPLED = -1;

    /** In place of a token: the row's logits hold a NaN or an infinity; only its request fails. */
    public static final int BAD_LOGITS = -2;

    /**
     * Drawn token of each row, or {@link #NOT_SAMPLED} or {@link #BAD_LOGITS}; anything for a row
     * that was dropped. (rows)
     */
    public final int[] tokenIds;

    /** Log probabilities of each row, null where not asked for. (rows) */
    public final TokenLogprobs[] logprobs;

    public StepOutput(int maxRows) {
        tokenIds = new int[maxRows];
        logprobs = new TokenLogprobs[maxRows];
    }
}
