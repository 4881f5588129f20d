package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.Matcher;
import java.nio.LongBuffer;
import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The grammar state of one completion, and its mask of allowed tokens: tokens of the text after
 * which the text can still end within the token limit, and, if the text may end here, the stop
 * tokens. Depends on the tokens so far alone. One thread at a time.
 */
public final class ConstrainedText {
    private static final Logger LOG = LoggerFactory.getLogger(ConstrainedText.class);

    private final Matcher matcher;

    /** Stop tokens, which end the completion. */
    private final int[] stopIds;

    /** Bit t % 64 of word t / 64 is token t; tokens beyond the mask are not allowed. */
    private final long[] mask;

    /** The mask of the grammar's vocabulary: {@link #mask} itself unless stop tokens exceed it. */
    private final long[] text;

    private int left;

    /** Whether {@link #mask} is up to date. */
    private boolean known;

    /** Whether the text can continue; computed with the mask. */
    private boolean goesOn;

    /**
     * @param stopIds stop tokens; negative ids are ignored
     * @param maxTokens maximum tokens of the completion
     */
    public ConstrainedText(Grammar grammar, int[] stopIds, int maxTokens) {
        this(grammar.matcher(), stopIds, maxTokens, grammar.maskWords());
    }

    /**
     * @param words length of the grammar's masks
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
     * A copy of this state advanced by {@code count} of {@code tokens} from index {@code from} on.
     */
    public ConstrainedText after(int[] tokens, int from, int count) {
        ConstrainedText next = new ConstrainedText(matcher.copy(), stopIds, left, text.length);
        for (int i = from; i < from + count; i++) {
            next.accept(tokens[i]);
        }
        return next;
    }

    /** Advances by a token of the text; false if it was not allowed. */
    public boolean accept(int token) {
        left--;
        known = false;
        return logged(matcher.accept(token));
    }

    /** Whether the text is complete and cannot continue. */
    public boolean isOver() {
        return matcher.isAccepting() && prepare() && !goesOn;
    }

    /** For a text that {@link #isOver}: whether only the token limit keeps it from continuing. */
    public boolean isAtLimit() {
        known = false;
        return fill(Integer.MAX_VALUE) && goesOn;
    }

    /** The failure of the grammar itself; null for none. */
    public String failure() {
        return matcher.failure() == null ? null : matcher.failure().getMessage();
    }

    /** As {@link #failure}, including the mask of the next token. */
    public String nextFailure() {
        prepare();
        return failure();
    }

    /** Sets the scores of tokens that are not allowed next to negative infinity. */
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
     * @param words number of words to write from {@code at} on; 0 beyond the mask
     */
    public void write(LongBuffer to, int at, int words) {
        int size = prepare() ? Math.min(words, mask.length) : 0;
        to.put(at, mask, 0, size);
        for (int i = size; i < words; i++) {
            to.put(at + i, 0);
        }
    }

    /** Brings the mask up to date; false if the grammar failed. */
    private boolean prepare() {
        if (known) {
            return true;
        }
        // The grammar counts an end token, which a completion at its token limit does not need.
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

    /** Fills the mask with the tokens of the text; false if the grammar failed. */
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

    /** Logs the first defect of a grammar with its stack trace. */
    private boolean logged(boolean success) {
        Throwable defect = success ? null : matcher.takeDefect();
        if (defect != null) {
            LOG.error("A defect of this release makes answers of a constraint fail.", defect);
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
