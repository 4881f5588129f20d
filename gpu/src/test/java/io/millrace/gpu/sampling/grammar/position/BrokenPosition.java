package io.millrace.gpu.sampling.grammar.position;

/** The beginning of two texts: b, and one that begins with a and is found to be broken there. */
public final class BrokenPosition extends Position {
    private final Throwable defect;
    private final boolean start;

    private BrokenPosition(Throwable defect, boolean start) {
        this.defect = defect;
        this.start = start;
    }

    /**
     * @param defect an error or an exception that is not checked
     */
    public static Position start(Throwable defect) {
        return new BrokenPosition(defect, true);
    }

    @Override
    void addTo(Edges edges) {
        if (start) {
            edges.add('a', new BrokenPosition(defect, false));
            edges.add('b', EndPosition.END);
        } else if (defect instanceof Error error) {
            throw error;
        } else {
            throw (RuntimeException) defect;
        }
    }

    @Override
    int fewestTokens() {
        return 1;
    }
}
