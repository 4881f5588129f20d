package io.millrace.operators.corpus.format;

import java.io.Serializable;

/**
 * Between two rows of a file.
 *
 * @param offset bytes before it, decompressed
 * @param rows before it
 * @param lines before it, which a header and empty ones are among
 */
public record Place(long offset, long rows, long lines) implements Serializable {
    /** Before everything. */
    public static final Place START = new Place(0, 0, 0);
}
