package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * Reads a file byte by byte and collects the bytes of a row. Of a row that is too long only the
 * beginning is kept.
 */
public final class RowBytes implements Closeable {
    static final int MAX_ROW_BYTES = Row.MAX_BYTES;

    /** Bytes that are kept of a row that is too long. */
    private static final int KEPT_OF_TOO_LONG = 64 << 10;

    static final int END = -1;
    private static final int BUFFER = 1 << 16;
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

    /** Maximum bytes that one call of {@link #skipTowards} decompresses. */
    static final int STEP = 1 << 20;

    private final InputStream in;
    private final boolean seeks;
    private final byte[] buffer = new byte[BUFFER];
    private byte[] row = new byte[1024];
    private int from;
    private int to;
    private long before;
    private long length;

    /**
     * @param seeks whether skipping is fast, because the stream is not compressed
     */
    public RowBytes(InputStream in, boolean seeks) {
        this.in = in;
        this.seeks = seeks;
    }

    /** Number of bytes read. */
    long offset() {
        return before + from;
    }

    /** The next byte without reading it, or {@link #END}. */
    int peek() throws IOException {
        return from < to || fill() ? buffer[from] & 0xff : END;
    }

    /** Reads the next byte, or {@link #END}. */
    int take() throws IOException {
        return from < to || fill() ? buffer[from++] & 0xff : END;
    }

    /** Reads the next byte if it has that value. */
    boolean takeIf(int wanted) throws IOException {
        if (peek() == wanted) {
            from++;
            return true;
        }
        return false;
    }

    /** Skips towards an offset; returns whether it is reached. */
    boolean skipTowards(long offset) throws IOException {
        long stop = seeks ? offset : Math.min(offset, offset() + STEP);
        while (offset() < stop) {
            if (from == to && stop - offset() > BUFFER) {
                before += to + in.skip(stop - offset() - 1);
                from = 0;
                to = 0;
            }
            if (from == to && !fill()) {
                throw new UnreadableFileException(
                        "it ends at byte %,d, before the position to read from, byte %,d"
                                .formatted(offset(), offset));
            }
            from += (int) Math.min(to - from, stop - offset());
        }
        return stop == offset;
    }

    private boolean fill() throws IOException {
        before += to;
        from = 0;
        to = 0;
        to = Math.max(0, in.read(buffer));
        return to > 0;
    }

    /** Skips a byte order mark. */
    boolean takeByteOrderMark() throws IOException {
        while (to - from < BYTE_ORDER_MARK.length) {
            int count = in.read(buffer, to, BUFFER - to);
            if (count <= 0) {
                return false;
            }
            to += count;
        }
        if (!Arrays.equals(
                buffer,
                from,
                from + BYTE_ORDER_MARK.length,
                BYTE_ORDER_MARK,
                0,
                BYTE_ORDER_MARK.length)) {
            return false;
        }
        from += BYTE_ORDER_MARK.length;
        return true;
    }

    /** Begins a row. */
    void begin() {
        length = 0;
    }

    /** Appends a byte to the row. */
    void put(int b) {
        if (length < MAX_ROW_BYTES) {
            makeRoom(1);
            row[(int) length] = (byte) b;
        }
        length++;
    }

    /** Appends buffered bytes to the row, up to a byte of that value. */
    void takeUntil(int stop) {
        int at = from;
        while (at < to && buffer[at] != stop) {
            at++;
        }
        int count = (int) Math.max(0, Math.min(at - from, MAX_ROW_BYTES - length));
        makeRoom(count);
        System.arraycopy(buffer, from, row, (int) Math.min(length, MAX_ROW_BYTES), count);
        length += at - from;
        from = at;
    }

    private void makeRoom(int count) {
        long needed = Math.min(length, MAX_ROW_BYTES) + count;
        if (needed > row.length) {
            row =
                    Arrays.copyOf(
                            row, (int) Math.min(MAX_ROW_BYTES, Math.max(needed, 2L * row.length)));
        }
    }

    /** Bytes of the row so far. */
    long length() {
        return length;
    }

    /** The row, or its beginning if it is too long. */
    byte[] row() {
        return Arrays.copyOf(row, tooLong() == null ? (int) length : KEPT_OF_TOO_LONG);
    }

    /** The fault of a row that is too long, else null. */
    String tooLong() {
        return length <= MAX_ROW_BYTES ? null : Row.tooLong(length);
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
