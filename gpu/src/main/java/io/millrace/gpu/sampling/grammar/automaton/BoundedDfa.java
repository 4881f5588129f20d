package io.millrace.gpu.sampling.grammar.automaton;

import java.util.BitSet;

/**
 * The texts of an automaton that have some number of characters. Knows of each state, after each
 * number of characters, whether a text of a right length can still be reached.
 */
public final class BoundedDfa {
    /** Any number of characters. */
    public static final int NO_LIMIT = Integer.MAX_VALUE;

    private static final long MOST_WORK = 4_000_000;

    private final CharDfa texts;
    private final int least;
    private final int most;

    /** By the number of characters read; beyond its end a state is alive for ever. */
    private final BitSet[] alive;

    private final int lastFree;

    /**
     * @throws AutomatonTooLargeException the lengths are too large for an automaton of this size
     */
    public BoundedDfa(CharDfa texts, int least, int most) {
        this.texts = texts;
        this.least = least;
        long ranges = 0;
        for (int s = 0; s < texts.states(); s++) {
            ranges += texts.ranges(s);
        }
        int affordable = (int) (MOST_WORK / ranges);
        boolean plain = texts.isAny();
        if (!plain && least > affordable) {
            throw new AutomatonTooLargeException((int) MOST_WORK);
        }
        // Shorter texts than asked for are a part of what is asked for.
        this.most = plain || most == NO_LIMIT ? most : Math.min(most, affordable);
        alive = plain ? new BitSet[0] : alive();
        lastFree = lastFree();
    }

    private BitSet[] alive() {
        int last = most == NO_LIMIT ? least : most;
        BitSet[] table = new BitSet[last + 1];
        for (int count = last; count >= 0; count--) {
            BitSet now = new BitSet(texts.states());
            for (int s = 0; s < texts.states(); s++) {
                boolean ends = count >= least && texts.accepts(s);
                if (most == NO_LIMIT && count == last) {
                    ends = !texts.isEmpty();
                }
                now.set(s, ends || count < last && reaches(s, table[count + 1]));
            }
            table[count] = now;
        }
        return table;
    }

    private boolean reaches(int state, BitSet alive) {
        for (int r = 0; r < texts.ranges(state); r++) {
            int target = texts.target(state, r);
            if (target != CharDfa.DEAD && alive.get(target)) {
                return true;
            }
        }
        return false;
    }

    public CharDfa texts() {
        return texts;
    }

    public int least() {
        return least;
    }

    /** The most characters; it may be less than was asked for where that was very large. */
    public int most() {
        return most;
    }

    public boolean isEmpty() {
        return texts.isAny() ? least > most : least > most || !isAlive(0, 0);
    }

    /** Whether a text can be completed from a state after a number of characters. */
    public boolean isAlive(int state, int count) {
        if (state == CharDfa.DEAD || count > most) {
            return false;
        }
        return texts.isAny() || count >= alive.length || alive[count].get(state);
    }

    /** Whether a text may end in a state after a number of characters. */
    public boolean accepts(int state, int count) {
        return count >= least && count <= most && texts.accepts(state);
    }

    /** Whether bounds say nothing of so many characters after a number of them. */
    public boolean isUnbounded(int count, int characters) {
        if (count < least) {
            return false;
        }
        return most == NO_LIMIT || count + (long) characters <= lastFree;
    }

    /** The last number of characters up to which no state is given up. */
    private int lastFree() {
        if (texts.isAny() || most == NO_LIMIT) {
            return most;
        }
        int last = most;
        while (last >= 0 && alive[last].cardinality() < texts.states()) {
            last--;
        }
        return last;
    }
}
