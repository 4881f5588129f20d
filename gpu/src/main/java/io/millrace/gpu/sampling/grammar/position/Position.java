package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.token.Spelling;

/**
 * A position within the text of a value: the bytes that may follow, the values that may be entered,
 * and whether the value may end. Equal positions are one object.
 */
public abstract class Position {
    private static final Edges OPEN = new Edges();

    private Edges edges;
    private int cost = -1;

    /** The edges from here, computed at the first call. Not safe for several threads. */
    public final Edges edges() {
        if (edges == null) {
            edges = OPEN;
            Edges made = new Edges();
            try {
                addTo(made);
            } finally {
                edges = null;
            }
            edges = made;
        } else if (edges == OPEN) {
            throw new IllegalStateException("a position that leads to itself without a byte");
        }
        return edges;
    }

    /** Adds the edges from here. */
    abstract void addTo(Edges edges);

    /** Whether {@link #edges} are computed. */
    public final boolean isOpen() {
        return edges != null;
    }

    /** Drops the edges, which are computed again when needed. */
    public final void close() {
        edges = null;
        forget();
    }

    /** Drops the cached positions that this one shares. */
    void forget() {}

    /**
     * Upper bound of the tokens needed from here to the value's end. Some token leads to a position
     * whose cost is at least one lower. {@link Spelling#NEVER} if no tokens reach the end.
     */
    public final int cost() {
        if (cost < 0) {
            cost = fewestTokens();
        }
        return cost;
    }

    /** Computes the cost. */
    abstract int fewestTokens();

    /** Whether this is between two characters of a JSON string and any characters may follow. */
    public boolean isFreeText() {
        return false;
    }

    /**
     * Between two characters of a JSON string: the position with the same end at which any
     * characters may follow; null elsewhere.
     */
    public Position free() {
        return null;
    }

    /** Whether most characters lead to {@link #free()}. */
    public boolean isNearlyFree() {
        return false;
    }

    /**
     * Within a JSON string of any characters but bounded length: the maximum of further characters;
     * -1 elsewhere.
     */
    public int remaining() {
        return -1;
    }

    /** With {@link #remaining()}: the minimum of further characters. */
    public int needed() {
        return 0;
    }

    /** A canonical position that allows the same next {@code characters}; else this one. */
    public Position like(int characters) {
        return this;
    }
}
