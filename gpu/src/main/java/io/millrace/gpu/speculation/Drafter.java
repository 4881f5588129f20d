package io.millrace.gpu.speculation;

import java.util.Arrays;

/**
 * Guesses the next tokens of one completion, and measures how often such guesses are right: at each
 * token, whether it is verified or not. A guess costs computation only if it is verified, so its
 * quality is known before anything is spent. All that is decided here follows from the completion's
 * tokens alone. No answer depends on it.
 *
 * <p>A draft is as long as each of its tokens has a probability of at least {@link #WORTH} to be
 * right together with those before it. Probabilities are of matches of equal lengths: a longer
 * match is more often right. Where few tokens are guessed right at all, there are no drafts, until
 * clearly more are.
 */
public final class Drafter {
    /** Least probability of a token that is verified. */
    private static final double WORTH = 0.4;

    /** Share of tokens guessed right below which there are no drafts. */
    private static final double OFF = 0.06;

    /** Share of tokens guessed right from which on there are drafts again. */
    private static final double ON = 0.15;

    /** Weight of the last token in the share of those guessed right. */
    private static final double SHARE_STEP = 1.0 / 32;

    /** Weight of the last match in the probability of its length. */
    private static final double RATE_STEP = 1.0 / 8;

    private final PromptLookup text;

    /** By length of match: probability that the guess of the next token is right. */
    private final double[] rates;

    private double share = ON;
    private boolean on = true;

    /**
     * @param longest tokens of the longest n-gram that is looked up
     */
    public Drafter(int longest) {
        text = new PromptLookup(longest);
        rates = new double[longest + 1];
        Arrays.setAll(rates, match -> (match + 0.5) / (match + 2));
    }

    /** Tokens that are known here. */
    public int size() {
        return text.size();
    }

    /** Appends a token of the prompt. */
    public void addPrompt(int token) {
        text.add(token);
    }

    /** Appends a generated token. */
    public void add(int token) {
        int match = text.match();
        boolean right = match > 0 && text.guess(0) == token;
        if (match > 0) {
            rates[match] += RATE_STEP * ((right ? 1 : 0) - rates[match]);
        }
        share += SHARE_STEP * ((right ? 1 : 0) - share);
        on = share >= (on ? OFF : ON);
        text.add(token);
    }

    /** Whether there may be drafts. */
    public boolean isOn() {
        return on;
    }

    /**
     * Guesses the tokens that follow.
     *
     * @param to receives them, as many as it can hold at most
     * @return number of guessed tokens that are worth verifying
     */
    public int draft(int[] to, int most) {
        int match = text.match();
        if (!on || match == 0) {
            return 0;
        }
        double probability = 1;
        for (int i = 0; i < most; i++) {
            probability *= rates[Math.min(match + i, rates.length - 1)];
            if (probability < WORTH) {
                return i;
            }
            to[i] = text.guess(i);
        }
        return most;
    }
}
