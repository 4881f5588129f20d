package io.millrace.gpu.sampling.grammar.automaton;

import java.util.Arrays;
import java.util.List;

/**
 * A deterministic finite automaton over Unicode characters: a regular set of texts. Immutable.
 * State 0 is the start state, and every state reaches an accepting one unless the set is empty.
 */
public final class CharDfa {
    /** No state: no text of the set begins with the characters read. */
    public static final int DEAD = -1;

    /** All texts. */
    public static final CharDfa ANY = of(CharSet.ALL, true);

    /** No text. */
    public static final CharDfa NONE = DfaBuilder.empty();

    /** First character of each range, by state; the first range begins at 0. */
    final int[][] starts;

    /** Next state, by state and range. */
    final int[][] targets;

    final boolean[] accepting;

    /** 0 until computed. */
    private int hash;

    CharDfa(int[][] starts, int[][] targets, boolean[] accepting) {
        this.starts = starts;
        this.targets = targets;
        this.accepting = accepting;
    }

    private static CharDfa of(CharSet loop, boolean accepting) {
        DfaBuilder rows = new DfaBuilder(1);
        for (int i = 0; i < loop.ranges(); i++) {
            rows.add(loop.first(i), loop.last(i), 0);
        }
        rows.end(accepting);
        return rows.build(Budget.unbounded());
    }

    /** The texts of a list. */
    public static CharDfa ofTexts(List<String> texts) {
        return texts.isEmpty() ? NONE : new TextTrie(texts).build();
    }

    /**
     * All texts with a length within bounds.
     *
     * @param most {@link BoundedDfa#NO_LIMIT} for no maximum
     * @throws AutomatonTooLargeException the budget is exceeded
     */
    public static CharDfa ofLengths(int least, int most, Budget budget) {
        int last = most == BoundedDfa.NO_LIMIT ? least : most;
        if (last >= budget.states()) {
            throw new AutomatonTooLargeException(budget.states());
        }
        budget.spend(4L * last);
        DfaBuilder rows = new DfaBuilder(last + 1);
        for (int count = 0; count <= last; count++) {
            if (count < last || most == BoundedDfa.NO_LIMIT) {
                int next = Math.min(count + 1, last);
                for (int i = 0; i < CharSet.ALL.ranges(); i++) {
                    rows.add(CharSet.ALL.first(i), CharSet.ALL.last(i), next);
                }
            }
            rows.end(count >= least);
        }
        return rows.build(budget);
    }

    public int states() {
        return accepting.length;
    }

    public boolean accepts(int state) {
        return accepting[state];
    }

    public int ranges(int state) {
        return starts[state].length;
    }

    /** First character of a range. */
    public int first(int state, int range) {
        return starts[state][range];
    }

    /** Last character of a range. */
    public int last(int state, int range) {
        return range + 1 < starts[state].length ? starts[state][range + 1] - 1 : CharSet.LARGEST;
    }

    /** The state after a character of the range; {@link #DEAD} for none. */
    public int target(int state, int range) {
        return targets[state][range];
    }

    /** The state after a character. */
    public int step(int state, int character) {
        int at = Arrays.binarySearch(starts[state], character);
        return targets[state][at >= 0 ? at : -at - 2];
    }

    /** Whether the text is in the set. */
    public boolean accepts(String text) {
        int state = 0;
        for (int i = 0; i < text.length() && state != DEAD; ) {
            int c = text.codePointAt(i);
            state = step(state, c);
            i += Character.charCount(c);
        }
        return state != DEAD && accepting[state];
    }

    /** Whether this state accepts every continuation. */
    public boolean isUniversal(int state) {
        if (!accepting[state]) {
            return false;
        }
        for (int i = 0; i < ranges(state); i++) {
            boolean surrogates =
                    first(state, i) == CharSet.FIRST_SURROGATE
                            && last(state, i) == CharSet.LAST_SURROGATE;
            if (target(state, i) != state && !surrogates) {
                return false;
            }
        }
        return true;
    }

    public boolean isAny() {
        return isUniversal(0);
    }

    public boolean isEmpty() {
        return accepting.length == 1 && !accepting[0] && starts[0].length == 1;
    }

    /** Whether the sets have a text in common. */
    public boolean meets(CharDfa other, Budget budget) {
        return !and(other, budget).isEmpty();
    }

    public CharDfa and(CharDfa other, Budget budget) {
        if (isAny() || other.isEmpty()) {
            return other;
        }
        return other.isAny() || isEmpty()
                ? this
                : DfaProduct.of(this, other, DfaProduct.Operation.AND, budget);
    }

    public CharDfa or(CharDfa other, Budget budget) {
        if (isAny() || other.isEmpty()) {
            return this;
        }
        return other.isAny() || isEmpty()
                ? other
                : DfaProduct.of(this, other, DfaProduct.Operation.OR, budget);
    }

    /** The difference of the sets. */
    public CharDfa minus(CharDfa other, Budget budget) {
        return isEmpty() || other.isEmpty()
                ? this
                : DfaProduct.of(this, other, DfaProduct.Operation.MINUS, budget);
    }

    /** The complement of the set. */
    public CharDfa not() {
        return ANY.minus(this, Budget.unbounded());
    }

    /** Estimated bytes. */
    public long bytes() {
        long ranges = 0;
        for (int[] row : starts) {
            ranges += row.length;
        }
        return 64 + 48L * states() + 8 * ranges;
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || other instanceof CharDfa dfa
                        && Arrays.equals(accepting, dfa.accepting)
                        && Arrays.deepEquals(starts, dfa.starts)
                        && Arrays.deepEquals(targets, dfa.targets);
    }

    @Override
    public int hashCode() {
        if (hash == 0) {
            hash = 31 * Arrays.hashCode(accepting) + Arrays.deepHashCode(targets);
        }
        return hash;
    }
}
