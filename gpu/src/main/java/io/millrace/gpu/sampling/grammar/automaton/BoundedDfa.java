package io.millrace.gpu.sampling.grammar.automaton;

import java.util.BitSet;

/**
 * The texts of an automaton whose length is within bounds. Keeps for each state and number of
 * characters whether a text of an allowed length can still be completed.
 */
public final class BoundedDfa {
    /** Any number of characters. */
    public static final int NO_LIMIT = Integer.MAX_VALUE;

    private static final long MAX_WORK = 4_000_000;

    private final CharDfa texts;
    private final int least;
    private final int most;

    /** Alive states, by characters read and state; beyond its end all states are alive. */
    private final BitSet alive;

    /** Number of rows of {@link #alive}: characters read from 0 on. */
    private final int counted;

    private final int lastFree;

    /**
     * @throws AutomatonTooLargeException the minimum is too large for an automaton of this size
     */
    public BoundedDfa(CharDfa texts, int least, int most) {
        this.texts = texts;
        this.least = least;
        long ranges = 0;
        for (int s = 0; s < texts.states(); s++) {
            ranges += texts.ranges(s);
        }
        int affordable = (int) (MAX_WORK / ranges);
        boolean plain = texts.isAny();
        if (!plain && least > affordable) {
            throw new AutomatonTooLargeException((int) MAX_WORK);
        }
        // A smaller maximum allows a subset of the texts.
        this.most = plain || most == NO_LIMIT ? most : Math.min(most, affordable);
        counted = plain ? 0 : 1 + (this.most == NO_LIMIT ? least : this.most);
        alive = new BitSet(counted * texts.states());
        fillAlive();
        lastFree = lastFree();
    }

    private void fillAlive() {
        int states = texts.states();
        for (int count = counted - 1; count >= 0; count--) {
            boolean last = count == counted - 1;
            for (int s = 0; s < states; s++) {
                boolean ends = count >= least && texts.accepts(s);
                if (most == NO_LIMIT && last) {
                    ends = !texts.isEmpty();
                }
                boolean goesOn = !ends && !last && reaches(s, (count + 1) * states);
                alive.set(count * states + s, ends || goesOn);
            }
        }
    }

    /** Whether a state has a successor that is alive in the row that begins at an index. */
    private boolean reaches(int state, int row) {
        for (int r = 0; r < texts.ranges(state); r++) {
            int target = texts.target(state, r);
            if (target != CharDfa.DEAD && alive.get(row + target)) {
                return true;
            }
        }
        return false;
    }

    /** Estimated bytes without the automaton. */
    public long bytes() {
        return 64 + alive.size() / 8;
    }

    public CharDfa texts() {
        return texts;
    }

    public int least() {
        return least;
    }

    /** The maximum number of characters; can be smaller than requested if that was very large. */
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
        return texts.isAny() || count >= counted || alive.get(count * texts.states() + state);
    }

    /** Whether a text may end in a state after a number of characters. */
    public boolean accepts(int state, int count) {
        return count >= least && count <= most && texts.accepts(state);
    }

    /** Whether the bounds do not restrict the next {@code characters} after {@code count}. */
    public boolean isUnbounded(int count, int characters) {
        if (count < least) {
            return false;
        }
        return most == NO_LIMIT || count + (long) characters <= lastFree;
    }

    /** The largest number of characters up to which all states are alive. */
    private int lastFree() {
        if (texts.isAny() || most == NO_LIMIT) {
            return most;
        }
        int last = most;
        int states = texts.states();
        while (last >= 0 && alive.nextClearBit(last * states) < (last + 1) * states) {
            last--;
        }
        return last;
    }
}
