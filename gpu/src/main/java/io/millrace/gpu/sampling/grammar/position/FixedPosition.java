package io.millrace.gpu.sampling.grammar.position;

/** Within bytes that can be no others. */
final class FixedPosition extends Position {
    private final byte[] bytes;
    private final int at;
    private final Position next;

    /**
     * @param next behind the bytes
     */
    FixedPosition(byte[] bytes, int at, Position next) {
        this.bytes = bytes;
        this.at = at;
        this.next = next;
    }

    @Override
    void addTo(Edges edges) {
        Position target = at + 1 == bytes.length ? next : new FixedPosition(bytes, at + 1, next);
        edges.add(bytes[at] & 0xFF, target);
    }
}
