package io.millrace.gpu.backend;

import io.millrace.gpu.SamplingParameters;

/**
 * How the next token of one completion is drawn. The engine keeps one per running completion and
 * updates {@link #position} and the counts as tokens are confirmed.
 */
public final class SamplingRow {
    /** The request's parameters. */
    public final SamplingParameters parameters;

    /** Seed of the draws, resolved. */
    public final long seed;

    /** Index of the completion within its request. */
    public final int completion;

    /** Absolute position that the drawn token will have. */
    public int position;

    /** Prompt token ids; not to be changed. */
    public final int[] prompt;

    /** Tokens generated so far; the first {@link #generatedCount} entries. */
    public int[] generated;

    /** Number of tokens generated so far. */
    public int generatedCount;

    public SamplingRow(SamplingParameters parameters, long seed, int completion, int[] prompt) {
        this.parameters = parameters;
        this.seed = seed;
        this.completion = completion;
        this.prompt = prompt;
        this.generated = new int[16];
    }

    /** The repetition penalty as a normal float, so that no product or quotient by it is NaN. */
    public float repetitionPenalty() {
        float penalty = (float) parameters.repetitionPenalty();
        return Math.max(Float.MIN_NORMAL, Math.min(Float.MAX_VALUE, penalty));
    }
}
