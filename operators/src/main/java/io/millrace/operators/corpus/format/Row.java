package io.millrace.operators.corpus.format;

/**
 * One row of a file, as its bytes stand there, without the end of its line.
 *
 * @param number from 1; a header and empty lines are not counted
 * @param line of the file in which it begins, from 1
 * @param bytes the row; of one that is too long only its beginning
 * @param fault why it cannot be read, null if it can
 */
public record Row(long number, long line, byte[] bytes, String fault) {
    /** A longer row is a failure: nothing that long is one row. */
    public static final int MOST_BYTES = 16 << 20;

    /** What is wrong with a row of so many bytes. */
    public static String tooLong(long bytes) {
        return "the row has %,d bytes, more than the %,d that one may have"
                .formatted(bytes, MOST_BYTES);
    }
}
