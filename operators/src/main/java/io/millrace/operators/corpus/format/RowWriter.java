package io.millrace.operators.corpus.format;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/**
 * Writes the rows of one output file in order. Its bytes are a function of what it is given alone.
 * One thread.
 */
public interface RowWriter extends Closeable {
    /**
     * Writes a row with its answer.
     *
     * @param row one that the file's {@link RowForm} took
     * @param answers at least one
     */
    void add(byte[] row, List<String> answers) throws IOException;

    /** Completes the file. */
    void finish() throws IOException;

    /** Gives back what it holds; the stream that it writes to stays open. */
    @Override
    void close() throws IOException;
}
