package io.millrace.gpu.sampling;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.sampling.constraint.ConstrainedText;
import java.util.Arrays;

/**
 * The sampling state of one completion. The engine keeps one per running completion and updates
 * {@link #position} and the counts as tokens are confirmed: with steps in flight, they do not
 * include the tokens that the runner has sampled.
 */
public final class SamplingRow {
    /** The request's parameters. */
    public final SamplingParameters parameters;

    /** The features that the parameters need. */
    public final SamplingFeatures features;

    /** The resolved seed. */
    public final long seed;

    /** Index of the completion within its request. */
    public final int completion;

    /** Absolute position of the next token to be confirmed. */
    public int position;

    /** Prompt token ids; not to be changed. */
    public final int[] prompt;

    /** Token ids that end the completion, ascending; not to be changed. */
    public final int[] stopIds;

    /** Changes of single tokens' logits. */
    public final LogitEdits edits;

    /** The text that its tokens are; null for any text. Set by the engine before it is sampled. */
    public ConstrainedText constrained;

    /** Tokens generated so far; the first {@link #generatedCount} entries. */
    public int[] generated;

    /** Number of tokens generated so far. */
    public int generatedCount;

    /** For a completion that no token ends. */
    public SamplingRow(SamplingParameters parameters, long seed, int completion, int[] prompt) {
        this(parameters, seed, completion, prompt, new int[0]);
    }

    public SamplingRow(
            SamplingParameters parameters, long seed, int completion, int[] prompt, int[] stopIds) {
        this(
                parameters,
                seed,
                completion,
                prompt,
                stopIds,
                LogitEdits.of(parameters, stopIds, prompt.length));
    }

    /** With given edits. */
    public SamplingRow(
            SamplingParameters parameters,
            long seed,
            int completion,
            int[] prompt,
            int[] stopIds,
            LogitEdits edits) {
        this.parameters = parameters;
        this.edits = edits;
        features = SamplingFeatures.of(parameters, edits);
        this.seed = seed;
        this.completion = completion;
        this.prompt = prompt;
        this.stopIds = stopIds;
        this.generated = new int[16];
    }

    /**
     * A copy of this row to which tokens are appended.
     *
     * @param count number of {@code tokens} from {@code from} on
     */
    public SamplingRow after(int[] tokens, int from, int count) {
        SamplingRow next = new SamplingRow(parameters, seed, completion, prompt, stopIds, edits);
        next.generated = Arrays.copyOf(generated, generatedCount + count);
        System.arraycopy(tokens, from, next.generated, generatedCount, count);
        next.generatedCount = generatedCount + count;
        next.position = position + count;
        next.constrained = constrained == null ? null : constrained.after(tokens, from, count);
        return next;
    }

    /** Whether a token ends the completion. */
    public boolean isStop(int token) {
        return Arrays.binarySearch(stopIds, token) >= 0;
    }

    /**
     * The repetition penalty as a normal float, so that multiplying or dividing by it makes no NaN.
     */
    public float repetitionPenalty() {
        float penalty = (float) parameters.repetitionPenalty();
        return Math.max(Float.MIN_NORMAL, Math.min(Float.MAX_VALUE, penalty));
    }
}
