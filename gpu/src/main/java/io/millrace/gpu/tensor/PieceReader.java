package io.millrace.gpu.tensor;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * One pass over a tensor's pieces, in any order and by any number of threads. Closing stores the
 * tensor's hash if all pieces were read.
 */
public final class PieceReader implements AutoCloseable {
    private final Tensor tensor;
    private final PieceHashes hashes;
    private final TensorBytes.Reader source;

    PieceReader(Tensor tensor, PieceHashes hashes, TensorBytes.Reader source) {
        this.tensor = tensor;
        this.hashes = hashes;
        this.source = source;
    }

    /** Number of pieces. */
    public int pieces() {
        return hashes.pieces();
    }

    /** Bytes of each piece but the last, which may have fewer. */
    public int pieceBytes() {
        return (int) Math.min(hashes.pieceBytes, tensor.bytes());
    }

    /** Number of rows before a piece. */
    public long firstRow(int piece) {
        return piece * hashes.pieceRows;
    }

    /**
     * Reads and hashes a piece; any thread.
     *
     * @param to at least as long as a piece
     * @return its length in bytes
     */
    public int read(int piece, byte[] to) throws IOException {
        return read(piece, ByteBuffer.wrap(to));
    }

    /**
     * The same into a buffer, from its position on, which then is after the piece. A direct buffer
     * is read into without a copy.
     */
    public int read(int piece, ByteBuffer to) throws IOException {
        long from = piece * hashes.pieceBytes;
        int length = (int) Math.min(hashes.pieceBytes, tensor.bytes() - from);
        ByteBuffer part = to.slice(to.position(), length);
        tensor.fill(source, part, from);
        hashes.set(piece, part.flip());
        to.position(to.position() + length);
        return length;
    }

    /** Any thread. Pieces whose reading it does not see do not count as read. */
    @Override
    public void close() throws IOException {
        source.close();
        tensor.hashed(hashes);
    }
}
