package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Edges;
import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.Arrays;

/**
 * All the places where a text that has been read may stand. Equal states of a {@link StateTable}
 * are one object.
 */
public final class State {
    /** After what may not come. */
    public static final State DEAD = new State(new Position[0], new Stack[0], false);

    final Position[] positions;

    /** Of each position the values around it. */
    final Stack[] stacks;

    /** Whether the whole text may end here. */
    final boolean accepting;

    /** The state after each byte: {@link #DEAD}, or null for one that is not known yet. */
    final State[] next = new State[256];

    /** Whether of some place the tokens within free text are known beforehand. */
    final boolean hasKnown;

    /** How few tokens lead to the end of the text; see {@link Position#cost}. */
    final int cost;

    /** The tokens that may come next, where they are few; null until asked for. */
    int[] few;

    /** The tokens that may come next, where they are many. */
    long[] many;

    /** With {@link #few} or {@link #many}: no token leads to a state of a larger cost. */
    int worst;

    /** When the table that holds this state was emptied last, as it knows. */
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

    /** How few tokens lead from one of the places to the end of the text. */
    int cost(int place) {
        return Spelling.sum(positions[place].cost(), stacks[place].cost);
    }

    /** Lets go of the states behind this one and of the mask. */
    void forget() {
        few = null;
        many = null;
        for (int i = 0; i < next.length; i++) {
            next[i] = next[i] == DEAD ? DEAD : null;
        }
    }
}
