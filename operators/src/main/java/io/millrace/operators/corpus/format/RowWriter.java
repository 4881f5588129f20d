package io.millrace.operators.corpus.format;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/** Writes the rows of one output file in order. The same input gives the same bytes. One thread. */
public interface RowWriter extends Closeable {
    /**
     * Writes a row with its answer.
     *
     * @param row a row that the file's {@link RowForm} has parsed
     * @param answers at least one
     */
    void add(byte[] row, List<String> answers) throws IOException;

    /** Completes the file. */
    void finish() throws IOException;

    /** Releases resources; does not close the stream that it writes to. */
    @Override
    void close() throws IOException;
}
