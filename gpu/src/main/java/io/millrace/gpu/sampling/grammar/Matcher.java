package io.millrace.gpu.sampling.grammar;

import io.millrace.gpu.sampling.grammar.mask.GrammarLimitException;
import io.millrace.gpu.sampling.grammar.mask.GrammarStates;
import io.millrace.gpu.sampling.grammar.mask.State;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Where one answer stands in a {@link Grammar}. For one thread. Its position is a function of the
 * tokens accepted so far: after a restart they are accepted again.
 */
public final class Matcher {
    private final GrammarStates states;

    /** Whether a defect that this grammar's matchers met was taken. */
    private final AtomicBoolean taken;

    private State state;
    private GrammarException failure;

    Matcher(GrammarStates states, AtomicBoolean taken) {
        this.states = states;
        this.taken = taken;
        this.state = states.start();
    }

    private Matcher(Matcher other) {
        states = other.states;
        taken = other.taken;
        state = other.state;
        failure = other.failure;
    }

    /** Another one at the same place. */
    public Matcher copy() {
        return new Matcher(this);
    }

    /**
     * Sets the bit of each token that may come next, and clears all others. Tokens that are no text
     * are never set: whether the answer may end is {@link #isAccepting}.
     *
     * @param mask (ceil(vocabulary / 64)), token t is bit t % 64 of word t / 64
     * @return false, with no bit set, where the matcher has failed: see {@link #failure}
     */
    public boolean mask(long[] mask) {
        return fill(mask, Integer.MAX_VALUE);
    }

    /**
     * Sets the bit of each token after which the answer can still end in time, and clears all
     * others. Where no bit is set the answer must end here. As long as each token is one of its
     * mask and the tokens left fall by one with each, no mask fails for want of tokens.
     *
     * @param mask (ceil(vocabulary / 64)), token t is bit t % 64 of word t / 64
     * @param tokensLeft tokens that may still be sampled, the end token among them
     * @return false, with no bit set, where the matcher has failed: see {@link #failure}
     */
    public boolean mask(long[] mask, int tokensLeft) {
        if (failure == null && states.cost(state) > tokensLeft - 1) {
            fail(
                    "the answer needs %,d more tokens to end, and has %,d left; ask for more tokens"
                            .formatted(states.cost(state) + 1, tokensLeft),
                    null);
        }
        return fill(mask, tokensLeft - 2);
    }

    private boolean fill(long[] mask, int mostCost) {
        if (failure == null) {
            try {
                states.fill(state, mostCost, mask);
                return true;
            } catch (RuntimeException | StackOverflowError e) {
                fail(e);
            }
        }
        Arrays.fill(mask, 0);
        return false;
    }

    /** Whatever went wrong is of this answer alone: the engine goes on with the others. */
    private void fail(Throwable cause) {
        if (cause instanceof GrammarLimitException) {
            fail(cause.getMessage(), cause);
            return;
        }
        fail(
                "a defect of this release, please report it with its trace in the log: " + cause,
                cause);
    }

    private void fail(String reason, Throwable cause) {
        failure = new GrammarException("The constraint failed: " + reason, "constraint", cause);
    }

    /**
     * Why this matcher cannot go on, which is for good and for this one alone; null where it can.
     */
    public GrammarException failure() {
        return failure;
    }

    /**
     * What a defect of the grammar threw, for the log; null if there was none, and once a matcher
     * of this grammar was asked.
     */
    public Throwable takeDefect() {
        Throwable cause = failure == null ? null : failure.getCause();
        boolean defect = cause != null && !(cause instanceof GrammarLimitException);
        return defect && taken.compareAndSet(false, true) ? cause : null;
    }

    /** Moves on by a token; false, without moving, if it may not come next or it has failed. */
    public boolean accept(int token) {
        return accept(states.vocabulary().bytes(token));
    }

    /** Moves on by bytes; false, without moving, if they may not come next or it has failed. */
    public boolean accept(byte[] bytes) {
        State next = State.DEAD;
        if (bytes != null && failure == null) {
            try {
                next = states.after(state, bytes);
            } catch (RuntimeException | StackOverflowError e) {
                fail(e);
            }
        }
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
