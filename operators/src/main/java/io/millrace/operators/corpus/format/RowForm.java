package io.millrace.operators.corpus.format;

import io.millrace.schemas.codec.record.CodecException;

/** Parses the rows of one file. Immutable. */
public interface RowForm {

    /**
     * Parses a row.
     *
     * @throws CodecException the row is malformed, or lacks a field
     */
    Fields read(byte[] row) throws CodecException;
}
