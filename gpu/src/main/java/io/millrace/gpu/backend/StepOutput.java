package io.millrace.gpu.backend;

import io.millrace.gpu.GenerationResult.TokenLogprobs;

/** What a step brought, by row of its {@link StepBatch}. Reused from step to step. */
public final class StepOutput {
    /** Drawn token of each row, -1 for a row that was not sampled. (rows) */
    public final int[] tokenIds;

    /** Log probabilities of each row, null where not asked for. (rows) */
    public final TokenLogprobs[] logprobs;

    public StepOutput(int maxRows) {
        tokenIds = new int[maxRows];
        logprobs = new TokenLogprobs[maxRows];
    }
}
