package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.List;

/** Within a character, with the ranges of its next byte. */
final class BytesPosition extends Position {
    /** A range of bytes and the position after it. */
    record Range(int first, int last, Position target) {}

    private final List<Range> ranges;
    private final CharacterBytes bytes;

    BytesPosition(List<Range> ranges, CharacterBytes bytes) {
        this.ranges = ranges;
        this.bytes = bytes;
    }

    @Override
    void addTo(Edges edges) {
        for (Range range : ranges) {
            edges.add(range.first, range.last, range.target);
        }
    }

    @Override
    void forget() {
        bytes.forget();
    }

    @Override
    int fewestTokens() {
        int fewest = Spelling.NEVER;
        for (Range range : ranges) {
            if (bytes.spelling().hasAny(range.first, range.last)) {
                fewest = Math.min(fewest, Spelling.sum(1, range.target.cost()));
            }
        }
        return fewest;
    }
}
