package io.millrace.operators.corpus.format;

/**
 * One row of a file, as its bytes stand there, without the end of its line.
 *
 * @param number from 1; a header and empty lines are not counted
 * @param line of the file in which it begins, from 1
 * @param bytes the row; of one that is too long only its beginning
 * @param fault why it cannot be read, null if it can
 */
public record Row(long number, long line, byte[] bytes, String fault) {}
