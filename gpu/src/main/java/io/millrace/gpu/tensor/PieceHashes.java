package io.millrace.gpu.tensor;

import io.millrace.gpu.common.Sha256;
import java.nio.ByteBuffer;
import java.security.MessageDigest;

/**
 * The hash of one tensor, computed from those of its pieces, so that many threads can hash it.
 *
 * <p>A piece is a run of whole groups of {@link #ROWS} rows, of about {@link #BYTES} bytes; it
 * depends on the tensor's shape only. The tensor's hash is the SHA-256 of its title and of the
 * SHA-256 of each piece in order. Any thread may call {@link #set}, one thread per piece.
 */
final class PieceHashes {
    /** A multiple of the rows of a strip or tile in every layout of weights. */
    static final int ROWS = 32;

    /** About the size that stays in a core's cache while it is read, hashed and laid out. */
    static final int BYTES = 256 << 10;

    final long pieceRows;
    final long pieceBytes;

    /** Of the whole tensor. */
    private final byte[][] hashes;

    private final int first;
    private final int pieces;

    private MessageDigest running;
    private long runningBytes;

    PieceHashes(long rows, long rowBytes) {
        this(rows, rowBytes, null, 0);
    }

    private PieceHashes(long rows, long rowBytes, byte[][] shared, int first) {
        long groupBytes = Math.multiplyExact(rowBytes, (long) ROWS);
        pieceRows = ROWS * Math.max(1, BYTES / groupBytes);
        pieceBytes = pieceRows * rowBytes;
        pieces = Math.toIntExact((rows + pieceRows - 1) / pieceRows);
        hashes = shared == null ? new byte[pieces][] : shared;
        this.first = first;
    }

    /**
     * What takes the hashes of one of the tensor's equal parts and leaves them here. Where a part
     * does not consist of whole pieces, it leaves none.
     *
     * @param index of the part
     * @param rows of each part
     */
    PieceHashes part(int index, long rows) {
        boolean whole = rows % pieceRows == 0;
        int begin = whole ? Math.toIntExact(index * (rows / pieceRows)) : 0;
        return new PieceHashes(rows, pieceBytes / pieceRows, whole ? hashes : null, begin);
    }

    int pieces() {
        return pieces;
    }

    /**
     * @param bytes the piece: the remaining bytes of the buffer
     */
    void set(int piece, ByteBuffer bytes) {
        MessageDigest sha = Sha256.begin();
        sha.update(bytes);
        hashes[first + piece] = sha.digest();
    }

    /** Adds the next bytes, for one thread that reads from front to end. */
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

    /** Nothing more comes. */
    void end() {
        if (running != null) {
            endPiece();
        }
    }

    private void endPiece() {
        hashes[first + (int) ((runningBytes - 1) / pieceBytes)] = running.digest();
        running = null;
    }

    /** The tensor's hash, or null while a piece is missing. */
    byte[] total(byte[] title) {
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
