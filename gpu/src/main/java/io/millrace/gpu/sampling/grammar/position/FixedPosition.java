package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.nio.charset.StandardCharsets;

/** Within a fixed sequence of bytes. */
final class FixedPosition extends Position {
    /**
     * A text, and the fewest tokens of each of its suffixes.
     *
     * @param costs (bytes + 1)
     */
    record Text(byte[] bytes, int[] costs) {}

    private final Text text;
    private final int at;
    private final Position next;

    /**
     * @param next position after the text
     */
    FixedPosition(Text text, Position next) {
        this(text, 0, next);
    }

    private FixedPosition(Text text, int at, Position next) {
        this.text = text;
        this.at = at;
        this.next = next;
    }

    static Text text(String text, Spelling spelling) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new Text(bytes, spelling.from(bytes));
    }

    @Override
    void addTo(Edges edges) {
        boolean last = at + 1 == text.bytes.length;
        edges.add(text.bytes[at] & 0xFF, last ? next : new FixedPosition(text, at + 1, next));
    }

    @Override
    int fewestTokens() {
        return Spelling.sum(text.costs[at], next.cost());
    }
}
