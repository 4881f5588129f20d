package io.millrace.gpu.sampling;

import io.millrace.gpu.api.SamplingParameters;

/**
 * The features of the sampling rule that a completion needs, from its parameters only. Computed
 * once per completion; read by samplers, the choice of kernels and the scheduler.
 *
 * @param greedy the temperature is below the least normal float: the first token in order is
 *     sampled
 * @param repetition a repetition penalty
 * @param penalties any penalty: tokens are counted
 * @param edits single tokens' logits are changed: bias, suppressed tokens, minimum of tokens
 * @param topK number of most likely tokens that are kept; {@link Integer#MAX_VALUE} for all
 * @param topP top-p is on
 * @param minP min-p is on
 * @param logprobs log probabilities are requested
 * @param masked only tokens of a mask may be sampled, which the host computes from all tokens
 *     before
 * @param runsAhead whether the next token can be sampled before the host has seen the last one, as
 *     the device keeps all state that the rule needs
 */
public record SamplingFeatures(
        boolean greedy,
        boolean repetition,
        boolean penalties,
        boolean edits,
        int topK,
        boolean topP,
        boolean minP,
        boolean logprobs,
        boolean masked,
        boolean runsAhead) {

    /** Those of a completion with such parameters. */
    public static SamplingFeatures of(SamplingParameters p, LogitEdits edits) {
        boolean repetition = p.repetitionPenalty() != 1;
        return new SamplingFeatures(
                (float) p.temperature() < Float.MIN_NORMAL,
                repetition,
                repetition || p.presencePenalty() != 0 || p.frequencyPenalty() != 0,
                edits.size() > 0,
                p.topK() > 0 ? p.topK() : Integer.MAX_VALUE,
                p.topP() < 1,
                (float) p.minP() > 0,
                p.logprobs() != SamplingParameters.NO_LOGPROBS,
                p.constraint() != null,
                p.constraint() == null);
    }

    /** Whether top-k leaves out any of so many tokens. */
    public boolean isTopK(int vocabulary) {
        return topK < vocabulary;
    }

    /** Whether some of so many tokens may be left out by their probability. */
    public boolean isFiltered(int vocabulary) {
        return isTopK(vocabulary) || topP || minP;
    }
}
