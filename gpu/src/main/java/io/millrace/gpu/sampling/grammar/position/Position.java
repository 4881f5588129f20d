package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.token.Spelling;

/**
 * A place within a value's text. Says which bytes lead on, which values may be entered, and whether
 * the value may end here. Equal places are one object.
 */
public abstract class Position {
    private static final Edges OPEN = new Edges();

    private Edges edges;
    private int cost = -1;

    /** What leads on from here; made at the first call. Not safe for several threads. */
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

    /** Adds what leads on from here. */
    abstract void addTo(Edges edges);

    /** Whether {@link #edges} are held. */
    public final boolean isOpen() {
        return edges != null;
    }

    /** Lets go of the edges, which are made again when they are asked for. */
    public final void close() {
        edges = null;
        forget();
    }

    /** Lets go of the places that were made with this one. */
    void forget() {}

    /**
     * How few tokens lead from here to the value's end, as far as is known: an upper bound, which
     * some token lowers by one at least. {@link Spelling#NEVER} where tokens cannot.
     */
    public final int cost() {
        if (cost < 0) {
            cost = fewestTokens();
        }
        return cost;
    }

    /** The cost, when it is first asked for. */
    abstract int fewestTokens();

    /**
     * Whether this is the inside of a JSON string between two characters, of which any characters
     * may follow.
     */
    public boolean isFreeText() {
        return false;
    }

    /**
     * Within a JSON string between two characters: the place with the same end from which any
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
     * Within a JSON string of any characters, but not any number of them: how many may follow; -1
     * elsewhere.
     */
    public int remaining() {
        return -1;
    }

    /** With {@link #remaining()}: how many must follow. */
    public int needed() {
        return 0;
    }

    /** A place of which the next so many characters are the same; this one if there is no other. */
    public Position like(int characters) {
        return this;
    }
}
