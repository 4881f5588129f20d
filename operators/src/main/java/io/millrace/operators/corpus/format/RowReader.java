package io.millrace.operators.corpus.format;

import java.io.Closeable;
import java.io.IOException;

/** Reads the rows of one file in order. One thread. */
public interface RowReader extends Closeable {
    /** What stands before the first row, the end of its line included; empty where nothing does. */
    byte[] header();

    /**
     * The next row, null at the end of the file.
     *
     * @throws UnreadableFileException there is no telling what comes next
     */
    Row next() throws IOException;

    /** Where the next row begins. */
    Place place();
}
