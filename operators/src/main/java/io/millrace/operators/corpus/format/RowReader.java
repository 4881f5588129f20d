package io.millrace.operators.corpus.format;

import java.io.Closeable;
import java.io.IOException;

/** Reads the rows of one file in order. One thread. */
public interface RowReader extends Closeable {
    /** The bytes before the first row, with their line ending; empty if there is no header. */
    byte[] header();

    /**
     * Skips a bounded number of bytes or rows towards the start position, so that a barrier does
     * not wait for a long skip.
     *
     * @return whether the position is reached; only then {@link #next} may be called
     * @throws UnreadableFileException the file ends or is damaged before the position
     */
    boolean seek() throws IOException;

    /**
     * The next row; null at the end of the file. {@link Row#PENDING} after a bounded number of
     * bytes without the end of a row, so that a barrier does not wait for a long one; the next call
     * reads on.
     *
     * @throws UnreadableFileException the file is damaged from here on
     */
    Row next() throws IOException;

    /**
     * The position of the next row, or of one that is pending; until {@link #seek} has reached it,
     * the start position.
     */
    RowPosition position();
}
