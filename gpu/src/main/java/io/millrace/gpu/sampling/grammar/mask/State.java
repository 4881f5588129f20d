package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Edges;
import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.Arrays;

/**
 * All configurations that a text can be in after the bytes read: positions with stacks. Equal
 * states of a {@link StateTable} are one object.
 */
public final class State {
    /** The state after bytes that are not allowed. */
    public static final State DEAD = new State(new Position[0], new Stack[0], false);

    final Position[] positions;

    /** The stack of each position. */
    final Stack[] stacks;

    /** Whether the whole text may end here. */
    final boolean accepting;

    /** The state after each byte; null if it is not computed yet. */
    final State[] next = new State[256];

    /** Whether precomputed tokens ({@link FreeTokens}) apply to one of the positions. */
    final boolean hasKnown;

    /** Upper bound of the tokens needed to the end of the text; see {@link Position#cost}. */
    final int cost;

    /** The allowed tokens as a list, if they are few; null if not computed. */
    int[] few;

    /** The allowed tokens as a mask, if they are many; null if not computed. */
    long[] many;

    /** With {@link #few} or {@link #many}: maximum cost of the state after a token. */
    int worst;

    /** The table's round in which this state was last held. */
    int round = -1;

    State(Position[] positions, Stack[] stacks, boolean accepting) {
        this.positions = positions;
        this.stacks = stacks;
        this.accepting = accepting;
        boolean known = false;
        int fewest = accepting ? 0 : Spelling.NEVER;
        for (int p = 0; p < positions.length; p++) {
            known |= positions[p].free() != null;
            if (fewest > 0) {
                fewest = Math.min(fewest, cost(p));
            }
        }
        hasKnown = known;
        cost = fewest;
        Arrays.fill(next, DEAD == null ? this : DEAD);
        for (Position position : positions) {
            Edges edges = position.edges();
            for (int i = 0; i < edges.size(); i++) {
                Arrays.fill(next, edges.first(i), edges.last(i) + 1, null);
            }
        }
    }

    /** Upper bound of the tokens needed from one configuration to the end of the text. */
    int cost(int index) {
        return Spelling.sum(positions[index].cost(), stacks[index].cost);
    }

    /** Drops references to successors, and the mask. */
    void forget() {
        few = null;
        many = null;
        for (int i = 0; i < next.length; i++) {
            next[i] = next[i] == DEAD ? DEAD : null;
        }
    }
}
