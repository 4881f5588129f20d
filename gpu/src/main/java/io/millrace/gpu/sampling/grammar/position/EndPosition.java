package io.millrace.gpu.sampling.grammar.position;

/** After a value. */
final class EndPosition extends Position {
    static final EndPosition END = new EndPosition();

    private EndPosition() {}

    @Override
    void addTo(Edges edges) {
        edges.end();
    }

    @Override
    int fewestTokens() {
        return 0;
    }
}
