package io.millrace.gpu.sampling.grammar.position;

/** Where a value begins within another one. */
final class CallPosition extends Position {
    private final Position value;
    private final Position back;

    CallPosition(Position value, Position back) {
        this.value = value;
        this.back = back;
    }

    @Override
    void addTo(Edges edges) {
        edges.call(value, back);
    }
}
