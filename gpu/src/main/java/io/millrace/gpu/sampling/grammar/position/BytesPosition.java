package io.millrace.gpu.sampling.grammar.position;

import java.util.List;

/** Within a character: the ranges of its next byte. */
final class BytesPosition extends Position {
    /** A range of bytes and what follows. */
    record Range(int first, int last, Position target) {}

    private final List<Range> ranges;

    BytesPosition(List<Range> ranges) {
        this.ranges = ranges;
    }

    @Override
    void addTo(Edges edges) {
        for (Range range : ranges) {
            edges.add(range.first, range.last, range.target);
        }
    }
}
