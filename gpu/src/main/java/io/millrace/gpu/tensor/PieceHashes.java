package io.millrace.gpu.tensor;

import io.millrace.gpu.common.Sha256;
import java.nio.ByteBuffer;
import java.security.MessageDigest;

/**
 * The hash of one tensor, made of those of its pieces, so that many threads can take it at once.
 *
 * <p>A piece is a run of whole groups of {@link #ROWS} rows, of about {@link #BYTES} bytes: a
 * matter of the tensor's shape alone. The tensor's hash is the SHA-256 of its title and of the
 * SHA-256 of each piece in turn. {@link #set} is safe for any thread, one thread a piece.
 */
final class PieceHashes {
    /** Every layout of weights has strips or tiles of which this is a multiple. */
    static final int ROWS = 32;

    /** What stays in a core's own cache from reading over hashing to laying out. */
    static final int BYTES = 256 << 10;

    final long pieceRows;
    final long pieceBytes;
    private final byte[][] hashes;

    private MessageDigest running;
    private long runningBytes;

    PieceHashes(long rows, long rowBytes) {
        long groupBytes = Math.multiplyExact(rowBytes, (long) ROWS);
        pieceRows = ROWS * Math.max(1, BYTES / groupBytes);
        pieceBytes = pieceRows * rowBytes;
        hashes = new byte[Math.toIntExact((rows + pieceRows - 1) / pieceRows)][];
    }

    int pieces() {
        return hashes.length;
    }

    /**
     * @param bytes of the piece, which are what remains of it
     */
    void set(int piece, ByteBuffer bytes) {
        MessageDigest sha = Sha256.begin();
        sha.update(bytes);
        hashes[piece] = sha.digest();
    }

    /** Takes what comes next, for one thread that goes from front to end. */
    void append(byte[] bytes, int length) {
        for (int done = 0; done < length; ) {
            if (running == null) {
                running = Sha256.begin();
            }
            int n = (int) Math.min(length - done, pieceBytes - runningBytes % pieceBytes);
            running.update(bytes, done, n);
            done += n;
            runningBytes += n;
            if (runningBytes % pieceBytes == 0) {
                endPiece();
            }
        }
    }

    private void endPiece() {
        hashes[(int) ((runningBytes - 1) / pieceBytes)] = running.digest();
        running = null;
    }

    /** The tensor's hash, or null as long as a piece is missing. */
    byte[] total(byte[] title) {
        if (running != null) {
            endPiece();
        }
        MessageDigest sha = Sha256.begin();
        sha.update(title);
        for (byte[] hash : hashes) {
            if (hash == null) {
                return null;
            }
            sha.update(hash);
        }
        return sha.digest();
    }
}
