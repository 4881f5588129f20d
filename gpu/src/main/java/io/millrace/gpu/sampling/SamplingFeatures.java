package io.millrace.gpu.sampling;

import io.millrace.gpu.api.SamplingParameters;

/**
 * Which parts of the sampling rule a completion needs, from its parameters alone. Computed once for
 * each completion; samplers, the choice of kernels and the scheduler read it.
 *
 * @param greedy the temperature is so low that the first token in order is drawn
 * @param repetition there is a repetition penalty
 * @param penalties there is any penalty: tokens are counted
 * @param edits single tokens' logits are changed: bias, suppressed tokens, minimum of tokens
 * @param topK most likely tokens that may be drawn; {@link Integer#MAX_VALUE} for all
 * @param topP only the nucleus may be drawn
 * @param minP only tokens likely enough may be drawn
 * @param logprobs log probabilities are wanted
 * @param runsAhead whether the next token can be drawn before the host has seen the last one: what
 *     the rule needs of earlier tokens, devices keep themselves
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
                true);
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
