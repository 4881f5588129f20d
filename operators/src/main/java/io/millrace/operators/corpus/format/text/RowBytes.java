package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * A file byte by byte, and how many have been taken. Of a row that is too long no more is held than
 * its beginning.
 */
public final class RowBytes implements Closeable {
    static final int MOST_ROW_BYTES = Row.MOST_BYTES;

    /** So much of it is kept. */
    private static final int KEPT_OF_TOO_LONG = 64 << 10;

    static final int END = -1;
    private static final int BUFFER = 1 << 16;
    private static final byte[] MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

    /** So many bytes are decompressed at most for one step towards a place. */
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
     * @param seeks whether skipping takes no time, however far
     */
    public RowBytes(InputStream in, boolean seeks) {
        this.in = in;
        this.seeks = seeks;
    }

    /** Bytes taken so far. */
    long offset() {
        return before + from;
    }

    /** The next byte without taking it, or {@link #END}. */
    int peek() throws IOException {
        return from < to || fill() ? buffer[from] & 0xff : END;
    }

    /** The next byte, or {@link #END}. */
    int take() throws IOException {
        return from < to || fill() ? buffer[from++] & 0xff : END;
    }

    /** Takes what stands here, if it stands here. */
    boolean takeIf(int wanted) throws IOException {
        if (peek() == wanted) {
            from++;
            return true;
        }
        return false;
    }

    /** Goes on towards a place; whether it is there. */
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
                        "it ends at byte %,d, before %,d, where reading should go on"
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

    /** Takes the mark with which some programs begin a file of UTF-8, if it stands here. */
    boolean takeByteOrderMark() throws IOException {
        while (to - from < MARK.length) {
            int count = in.read(buffer, to, BUFFER - to);
            if (count <= 0) {
                return false;
            }
            to += count;
        }
        if (!Arrays.equals(buffer, from, from + MARK.length, MARK, 0, MARK.length)) {
            return false;
        }
        from += MARK.length;
        return true;
    }

    /** Begins a row. */
    void begin() {
        length = 0;
    }

    /** Puts a byte into the row. */
    void put(int b) {
        if (length < MOST_ROW_BYTES) {
            makeRoom(1);
            row[(int) length] = (byte) b;
        }
        length++;
    }

    /** Takes bytes into the row, up to a byte of that value or the end of what is buffered. */
    void takeUntil(int stop) {
        int at = from;
        while (at < to && buffer[at] != stop) {
            at++;
        }
        int count = (int) Math.max(0, Math.min(at - from, MOST_ROW_BYTES - length));
        makeRoom(count);
        System.arraycopy(buffer, from, row, (int) Math.min(length, MOST_ROW_BYTES), count);
        length += at - from;
        from = at;
    }

    private void makeRoom(int count) {
        long needed = Math.min(length, MOST_ROW_BYTES) + count;
        if (needed > row.length) {
            row =
                    Arrays.copyOf(
                            row, (int) Math.min(MOST_ROW_BYTES, Math.max(needed, 2L * row.length)));
        }
    }

    /** Bytes of the row so far. */
    long length() {
        return length;
    }

    /** The row, or its beginning where it is too long. */
    byte[] row() {
        return Arrays.copyOf(row, tooLong() == null ? (int) length : KEPT_OF_TOO_LONG);
    }

    /** What is wrong with the row's length, null if nothing is. */
    String tooLong() {
        return length <= MOST_ROW_BYTES ? null : Row.tooLong(length);
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
