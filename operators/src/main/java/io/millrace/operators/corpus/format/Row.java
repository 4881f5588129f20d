package io.millrace.operators.corpus.format;

import io.millrace.schemas.FailureCode;

/**
 * One row of a file, as bytes without the line ending.
 *
 * @param number number of the row, from 1; the header and empty lines do not count
 * @param line number of its first line, from 1
 * @param bytes the row; if it is too long, only its beginning
 * @param fault why it cannot be answered; null if it may be
 * @param code of the fault; null without one
 */
public record Row(long number, long line, byte[] bytes, String fault, FailureCode code) {
    /** Stands for a row whose end was not reached yet. */
    public static final Row PENDING = new Row(0, 0, new byte[0], null);

    /**
     * @param fault why it cannot be read, null if it can
     */
    public Row(long number, long line, byte[] bytes, String fault) {
        this(number, line, bytes, fault, fault == null ? null : FailureCode.UNREADABLE);
    }

    /** Maximum length of a row; a longer one is a failure. */
    public static final int MAX_BYTES = 16 << 20;

    /** The fault of a row with that many bytes. */
    public static String tooLong(long bytes) {
        return "the row has %,d bytes, more than the maximum of %,d".formatted(bytes, MAX_BYTES);
    }
}
