package io.millrace.gpu.sampling.grammar;

import io.millrace.gpu.sampling.grammar.mask.GrammarStates;
import io.millrace.gpu.sampling.grammar.mask.State;

/**
 * Where one answer stands in a {@link Grammar}. For one thread. Its position is a function of the
 * tokens accepted so far: after a restart they are accepted again.
 */
public final class Matcher {
    private final GrammarStates states;
    private State state;

    Matcher(GrammarStates states) {
        this.states = states;
        this.state = states.start();
    }

    private Matcher(GrammarStates states, State state) {
        this.states = states;
        this.state = state;
    }

    /** Another one at the same place. */
    public Matcher copy() {
        return new Matcher(states, state);
    }

    /**
     * Sets the bit of each token that may come next, and clears all others. Tokens that are no text
     * are never set: whether the answer may end is {@link #isAccepting}.
     *
     * @param mask (ceil(vocabulary / 64)), token t is bit t % 64 of word t / 64
     */
    public void mask(long[] mask) {
        states.fill(state, mask);
    }

    /** Moves on by a token; false, without moving, if it may not come next. */
    public boolean accept(int token) {
        return accept(states.vocabulary().bytes(token));
    }

    /** Moves on by bytes; false, without moving, if they may not come next. */
    public boolean accept(byte[] bytes) {
        State next = bytes == null ? State.DEAD : states.after(state, bytes);
        if (next == State.DEAD) {
            return false;
        }
        state = next;
        return true;
    }

    /** Whether the text so far is a whole one. */
    public boolean isAccepting() {
        return states.isAccepting(state);
    }
}
