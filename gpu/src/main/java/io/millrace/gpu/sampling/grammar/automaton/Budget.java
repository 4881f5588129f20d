package io.millrace.gpu.sampling.grammar.automaton;

/**
 * What the automata of one pattern or one schema may take together: each so many states, all of
 * them so many steps. For one thread.
 */
public final class Budget {
    private final int states;
    private final long steps;
    private long left;

    /**
     * @param states most states of an automaton
     * @param steps about as many ranges, edges and states that are looked at; a step is some
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

    /** Most states of an automaton. */
    public int states() {
        return states;
    }

    /**
     * Takes steps.
     *
     * @throws AutomatonTooLargeException there are not so many left
     */
    public void spend(long count) {
        left -= count;
        if (left < 0) {
            throw new AutomatonTooLargeException(
                    "its automata would take more than %,d steps".formatted(steps));
        }
    }
}
