package io.millrace.operators.corpus.format;

import java.io.Serializable;

/**
 * A position between two rows of a file.
 *
 * @param offset decompressed bytes before it
 * @param rows rows before it
 * @param lines lines before it, counting the header and empty lines
 */
public record RowPosition(long offset, long rows, long lines) implements Serializable {
    /** The beginning of a file. */
    public static final RowPosition START = new RowPosition(0, 0, 0);
}
