package io.millrace.gpu.sampling.grammar.position;

/** After a comma or a colon, where one space may follow. */
final class SpacePosition extends Position {
    private final Position next;

    SpacePosition(Position next) {
        this.next = next;
    }

    @Override
    void addTo(Edges edges) {
        edges.add(' ', next);
        next.addTo(edges);
    }

    @Override
    int fewestTokens() {
        return next.cost();
    }
}
