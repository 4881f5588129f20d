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
     * More outcomes lie on disk.
     *
     * @param part the path of the staging file
     * @param length bytes of it that count, with those told before
     * @param tally what has come since it was told the last time
     */
    record Staged(String file, String part, long length, Tally tally) implements FileNews {
        /** What is known of the part after a later one. */
        Staged then(Staged later) {
            if (later.length <= length) {
                throw new IllegalStateException(
                        "%s has %d bytes that count, and was told to have %d."
                                .formatted(part, length, later.length));
            }
            return new Staged(file, part, later.length, tally.plus(later.tally));
        }
    }

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
