package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.FileFormat;

/** An event of an input file, sent to {@link CommitOperator}. */
public sealed interface FileEvent {
    /** The input file's path relative to the input folder. */
    String file();

    /**
     * The source has emitted all rows of the file.
     *
     * @param header header of the reader
     * @param rows number of rows
     * @param fault why the file cannot be read to its end; null if it can
     */
    record End(String file, FileFormat format, byte[] header, long rows, String fault)
            implements FileEvent {}

    /**
     * A staging file has grown.
     *
     * @param part path of the staging file
     * @param length its valid bytes
     * @param tally counts of the outcomes since the file's previous event
     */
    record Staged(String file, String part, long length, Tally tally) implements FileEvent {
        /** This event and a later one as one event. */
        Staged then(Staged later) {
            if (later.length <= length) {
                throw new IllegalStateException(
                        "%s has %d valid bytes, but a later event has %d."
                                .formatted(part, length, later.length));
            }
            return new Staged(file, part, later.length, tally.plus(later.tally));
        }
    }

    /**
     * Counts of outcomes.
     *
     * @param rows rows with an outcome
     * @param failures rows that failed
     * @param tokens generated tokens
     * @param bytes bytes of the rows as read
     * @param copies rows whose answer was computed for an equal one
     * @param byId where equal rows are computed once: those that were not shared, since their id is
     *     the seed
     */
    record Tally(long rows, long failures, long tokens, long bytes, long copies, long byId) {
        public static final Tally NONE = new Tally(0, 0, 0, 0);

        /** Counts without those of shared rows. */
        public Tally(long rows, long failures, long tokens, long bytes) {
            this(rows, failures, tokens, bytes, 0, 0);
        }

        /** The sum of both. */
        public Tally plus(Tally other) {
            return new Tally(
                    rows + other.rows,
                    failures + other.failures,
                    tokens + other.tokens,
                    bytes + other.bytes,
                    copies + other.copies,
                    byId + other.byId);
        }
    }
}
