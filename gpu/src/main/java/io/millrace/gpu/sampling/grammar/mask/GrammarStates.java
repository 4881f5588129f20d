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
     * @param mostBytes about how much is kept of states and masks
     */
    public GrammarStates(Position start, Vocabulary vocabulary, long mostBytes) {
        this(start, vocabulary, mostBytes, new StateBytes(Long.MAX_VALUE));
    }

    /**
     * @param mostBytes about how much is kept of states and masks
     * @param together with those of other grammars
     */
    public GrammarStates(
            Position start, Vocabulary vocabulary, long mostBytes, StateBytes together) {
        this.vocabulary = vocabulary;
        this.table = new StateTable(mostBytes, together);
        this.masks = new TokenMasks(vocabulary, table);
        try {
            this.start = table.start(start);
            // Where all strings of a schema begin: what is beyond a limit is refused beforehand.
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

    /** How few tokens lead from the state to the end of a text. */
    public int cost(State state) {
        return state.cost;
    }

    /** About the bytes that states, positions and masks hold. */
    public synchronized long bytes() {
        return table.bytes();
    }

    /**
     * The state after bytes; {@link State#DEAD} if they may not come.
     *
     * @throws GrammarLimitException the grammar is beyond a limit
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
     * Sets the tokens that may follow a state, and no others.
     *
     * @param mostCost of the states that tokens lead to
     * @throws GrammarLimitException the grammar is beyond a limit
     */
    public synchronized void fill(State state, int mostCost, long[] mask) {
        try {
            masks.fill(state, mostCost, mask);
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw new GrammarLimitException(e);
        }
    }
}
