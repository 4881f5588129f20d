package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.token.Spelling;

/** Before a value within another one. */
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

    @Override
    int fewestTokens() {
        return Spelling.sum(value.cost(), back.cost());
    }
}
