package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;

/** The states of one grammar and their masks for one vocabulary. Safe for any thread. */
public final class GrammarStates {
    private final Vocabulary vocabulary;
    private final StateTable table;
    private final TokenMasks masks;
    private final State start;

    /**
     * @param maxBytes approximate maximum bytes of states and masks
     */
    public GrammarStates(Position start, Vocabulary vocabulary, long maxBytes) {
        this(start, vocabulary, maxBytes, new StateBytes(Long.MAX_VALUE));
    }

    /**
     * @param maxBytes approximate maximum bytes of states and masks
     * @param together bound shared with other grammars
     */
    public GrammarStates(
            Position start, Vocabulary vocabulary, long maxBytes, StateBytes together) {
        this.vocabulary = vocabulary;
        this.table = new StateTable(maxBytes, together);
        this.masks = new TokenMasks(vocabulary, table);
        try {
            this.start = table.start(start);
            // All strings of a schema begin here: find an exceeded limit while compiling.
            table.next(this.start, '"');
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw new GrammarLimitException(e);
        }
    }

    public Vocabulary vocabulary() {
        return vocabulary;
    }

    public State start() {
        return start;
    }

    public boolean isAccepting(State state) {
        return state.accepting;
    }

    /** Upper bound of the tokens needed from the state to the end of a text. */
    public int cost(State state) {
        return state.cost;
    }

    /** Estimated bytes of states, positions and masks. */
    public synchronized long bytes() {
        return table.bytes();
    }

    /**
     * The state after some bytes; {@link State#DEAD} if they are not allowed.
     *
     * @throws GrammarLimitException a state exceeds a limit
     */
    public synchronized State after(State state, byte[] bytes) {
        State next = state;
        try {
            for (int i = 0; i < bytes.length && next != State.DEAD; i++) {
                next = table.next(next, bytes[i] & 0xFF);
            }
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw new GrammarLimitException(e);
        }
        return next;
    }

    /**
     * Sets the bits of the tokens that may follow a state and clears all others.
     *
     * @param maxCost maximum cost of the state after a token
     * @throws GrammarLimitException a state exceeds a limit
     */
    public synchronized void fill(State state, int maxCost, long[] mask) {
        try {
            masks.fill(state, maxCost, mask);
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw new GrammarLimitException(e);
        }
    }
}
