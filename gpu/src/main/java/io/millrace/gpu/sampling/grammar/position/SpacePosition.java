package io.millrace.gpu.sampling.grammar.position;

/** Behind a comma or a colon: one space, or none. */
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
