package io.millrace.operators.corpus.format;

import java.io.Closeable;
import java.io.IOException;

/** Reads the rows of one file in order. One thread. */
public interface RowReader extends Closeable {
    /** What stands before the first row, the end of its line included; empty where nothing does. */
    byte[] header();

    /**
     * Goes on towards the place from which rows are wanted, by so much at most that a barrier need
     * not wait for it.
     *
     * @return whether it is there; before that there are no rows
     * @throws UnreadableFileException the file ends before, or cannot be read so far
     */
    boolean seek() throws IOException;

    /**
     * The next row, null at the end of the file.
     *
     * @throws UnreadableFileException there is no telling what comes next
     */
    Row next() throws IOException;

    /** Where the next row begins; until {@link #seek} is there, what it goes to. */
    Place place();
}
