package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.FileFormat;

/** What is told of an input file to the one that puts its output together. */
public sealed interface FileNews {
    /** The input file, by its path below the input's folder. */
    String file();

    /**
     * All of its rows are on their way.
     *
     * @param header what the reader gave
     * @param rows how many
     * @param fault why there are no more, for a file that cannot be read to its end; else null
     */
    record End(String file, FileFormat format, byte[] header, long rows, String fault)
            implements FileNews {}

    /**
     * Outcomes lie on disk. A later one of the same part takes the place of an earlier one.
     *
     * @param part the path of the staging file
     * @param length bytes of it that count
     * @param tally what is in these bytes
     */
    record Staged(String file, String part, long length, Tally tally) implements FileNews {}

    /**
     * Counts of outcomes.
     *
     * @param failures of the rows
     * @param tokens generated
     * @param bytes of the rows as they were read
     */
    record Tally(long rows, long failures, long tokens, long bytes) {
        public static final Tally NONE = new Tally(0, 0, 0, 0);

        /** Both together. */
        public Tally plus(Tally other) {
            return new Tally(
                    rows + other.rows,
                    failures + other.failures,
                    tokens + other.tokens,
                    bytes + other.bytes);
        }
    }
}
