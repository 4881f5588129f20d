package io.millrace.gpu.sampling.grammar.automaton;

/**
 * Limits the automata of one pattern or schema: the states of each and the steps of all together.
 * For one thread.
 */
public final class Budget {
    private final int states;
    private final long steps;
    private long left;

    /**
     * @param states maximum states of an automaton
     * @param steps approximate maximum of visited ranges, edges and states; a step takes some
     *     nanoseconds
     */
    public Budget(int states, long steps) {
        this.states = states;
        this.steps = steps;
        this.left = steps;
    }

    static Budget unbounded() {
        return new Budget(Integer.MAX_VALUE, Long.MAX_VALUE);
    }

    /** Maximum states of an automaton. */
    public int states() {
        return states;
    }

    /**
     * Spends steps.
     *
     * @throws AutomatonTooLargeException fewer steps are left
     */
    public void spend(long count) {
        left -= count;
        if (left < 0) {
            throw new AutomatonTooLargeException(
                    "its automata would take more than %,d steps".formatted(steps));
        }
    }
}
