package io.millrace.gpu.sampling.grammar;

import io.millrace.gpu.sampling.grammar.mask.GrammarLimitException;
import io.millrace.gpu.sampling.grammar.mask.GrammarStates;
import io.millrace.gpu.sampling.grammar.mask.State;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Tracks one answer in a {@link Grammar}. For one thread. Its state depends on the accepted tokens
 * alone, so a restart restores it by accepting them again.
 */
public final class Matcher {
    private final GrammarStates states;

    /** Whether a matcher of this grammar has reported a defect. */
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

    /** A copy of this matcher. */
    public Matcher copy() {
        return new Matcher(this);
    }

    /**
     * Sets the bits of the tokens that may come next and clears all others. Tokens without text are
     * never set; whether the answer may end is {@link #isAccepting}.
     *
     * @param mask (ceil(vocabulary / 64)), token t is bit t % 64 of word t / 64
     * @return false, with no bit set, if the matcher has failed: see {@link #failure}
     */
    public boolean mask(long[] mask) {
        return fill(mask, Integer.MAX_VALUE);
    }

    /**
     * Sets the bits of the tokens after which the answer can still end in time, and clears all
     * others. If no bit is set, the answer must end here. If each token is taken from its mask and
     * {@code tokensLeft} decreases by one per token, no mask fails for lack of tokens.
     *
     * @param mask (ceil(vocabulary / 64)), token t is bit t % 64 of word t / 64
     * @param tokensLeft tokens that may still be sampled, including the end token
     * @return false, with no bit set, if the matcher has failed: see {@link #failure}
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

    private boolean fill(long[] mask, int maxCost) {
        if (failure == null) {
            try {
                states.fill(state, maxCost, mask);
                return true;
            } catch (RuntimeException | StackOverflowError e) {
                fail(e);
            }
        }
        Arrays.fill(mask, 0);
        return false;
    }

    /** Fails this answer only; the engine continues with the others. */
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
     * Why this matcher has failed; null if it has not. A failure is final and concerns this matcher
     * only.
     */
    public GrammarException failure() {
        return failure;
    }

    /**
     * The exception of a defect, for the log; null if there was none, or if a matcher of this
     * grammar has returned one before.
     */
    public Throwable takeDefect() {
        Throwable cause = failure == null ? null : failure.getCause();
        boolean defect = cause != null && !(cause instanceof GrammarLimitException);
        return defect && taken.compareAndSet(false, true) ? cause : null;
    }

    /** Advances by a token; false, without a change, if it is not allowed or this has failed. */
    public boolean accept(int token) {
        return accept(states.vocabulary().bytes(token));
    }

    /** Advances by bytes; false, without a change, if they are not allowed or this has failed. */
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

    /** Whether the text so far is a complete one. */
    public boolean isAccepting() {
        return states.isAccepting(state);
    }
}
