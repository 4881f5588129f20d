package io.millrace.operators.corpus.format;

import io.millrace.schemas.codec.record.CodecException;

/** How the rows of one file are understood. Immutable. */
public interface RowForm {

    /**
     * Looks into a row.
     *
     * @throws CodecException it is not a row of this form, or has not what is asked for
     */
    Fields read(byte[] row) throws CodecException;
}
