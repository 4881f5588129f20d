package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.Matcher;
import java.nio.LongBuffer;
import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where one completion stands in its grammar, and which tokens may come next: those of the text
 * from which it can still be ended with the tokens left, and the tokens that end a completion where
 * the text may end. A function of the tokens so far; one thread at a time.
 */
public final class ConstrainedText {
    private static final Logger LOG = LoggerFactory.getLogger(ConstrainedText.class);

    private final Matcher matcher;

    /** Tokens that end the completion. */
    private final int[] stopIds;

    /** Bit t % 64 of word t / 64 is token t; the tokens behind are not allowed. */
    private final long[] mask;

    /** The grammar's part of it: the mask itself, unless a token that ends lies behind it. */
    private final long[] text;

    private int left;

    /** Whether {@link #mask} is that of the tokens so far. */
    private boolean known;

    /** Whether some token of the text may come next. Known with the mask. */
    private boolean goesOn;

    /**
     * @param stopIds tokens that end the completion; negative ones are none
     * @param maxTokens most tokens of the completion
     */
    public ConstrainedText(Grammar grammar, int[] stopIds, int maxTokens) {
        this(grammar.matcher(), stopIds, maxTokens, grammar.maskWords());
    }

    /**
     * @param words of the grammar's masks
     */
    private ConstrainedText(Matcher matcher, int[] stopIds, int left, int words) {
        this.matcher = matcher;
        this.stopIds = stopIds;
        this.left = left;
        int all = words;
        for (int id : stopIds) {
            all = Math.max(all, (id >> 6) + 1);
        }
        mask = new long[all];
        text = all == words ? mask : new long[words];
    }

    /**
     * This text as it would be after some tokens.
     *
     * @param count so many of {@code tokens} from {@code from} on
     */
    public ConstrainedText after(int[] tokens, int from, int count) {
        ConstrainedText next = new ConstrainedText(matcher.copy(), stopIds, left, text.length);
        for (int i = from; i < from + count; i++) {
            next.accept(tokens[i]);
        }
        return next;
    }

    /** Moves on by a token of the text; false if it was not allowed. */
    public boolean accept(int token) {
        left--;
        known = false;
        return logged(matcher.accept(token));
    }

    /** Whether the text is whole, and no token of the text may come next. */
    public boolean isOver() {
        return matcher.isAccepting() && prepare() && !goesOn;
    }

    /** Of one that is over: whether with more tokens it could have gone on. */
    public boolean isAtLimit() {
        known = false;
        return fill(Integer.MAX_VALUE) && goesOn;
    }

    /** What went wrong with the grammar itself; null for nothing. */
    public String failure() {
        return matcher.failure() == null ? null : matcher.failure().getMessage();
    }

    /** The same, of the next token as well. */
    public String nextFailure() {
        prepare();
        return failure();
    }

    /** Makes -infinity of the scores of tokens that may not come next. */
    public void apply(float[] scores) {
        int size = prepare() ? Math.min(scores.length, mask.length * Long.SIZE) : 0;
        for (int i = 0; i < size; i += Long.SIZE) {
            long word = mask[i >> 6];
            if (word == -1) {
                continue;
            }
            int to = Math.min(Long.SIZE, size - i);
            for (int bit = 0; bit < to; bit++) {
                if ((word >>> bit & 1) == 0) {
                    scores[i + bit] = Float.NEGATIVE_INFINITY;
                }
            }
        }
        for (int i = size; i < scores.length; i++) {
            scores[i] = Float.NEGATIVE_INFINITY;
        }
    }

    /**
     * Writes the mask: bit t % 64 of word t / 64 is token t.
     *
     * @param words so many, from {@code at} on; tokens beyond the mask may not come next
     */
    public void write(LongBuffer to, int at, int words) {
        int size = prepare() ? Math.min(words, mask.length) : 0;
        to.put(at, mask, 0, size);
        for (int i = size; i < words; i++) {
            to.put(at + i, 0);
        }
    }

    /** Makes the mask, unless it is there; false if the grammar failed. */
    private boolean prepare() {
        if (known) {
            return true;
        }
        // The grammar counts a token that ends the text, and here the text may end without one.
        if (!fill(left + 1)) {
            return false;
        }
        if (matcher.isAccepting()) {
            for (int id : stopIds) {
                set(id, true);
            }
        }
        known = true;
        return true;
    }

    /** Makes the mask of the tokens of the text; false if the grammar failed. */
    private boolean fill(int tokensLeft) {
        goesOn = false;
        if (!logged(matcher.mask(text, tokensLeft))) {
            return false;
        }
        if (mask != text) {
            Arrays.fill(mask, 0);
            System.arraycopy(text, 0, mask, 0, text.length);
        }
        for (int id : stopIds) {
            set(id, false);
        }
        for (long word : mask) {
            goesOn |= word != 0;
        }
        return true;
    }

    /** Logs the first defect of a grammar, with its trace. */
    private boolean logged(boolean success) {
        Throwable defect = success ? null : matcher.takeDefect();
        if (defect != null) {
            LOG.error("A constraint met a defect of this release: its answers fail.", defect);
        }
        return success;
    }

    private void set(int id, boolean allowed) {
        if (id >= 0) {
            long bit = 1L << id;
            mask[id >> 6] = allowed ? mask[id >> 6] | bit : mask[id >> 6] & ~bit;
        }
    }
}
