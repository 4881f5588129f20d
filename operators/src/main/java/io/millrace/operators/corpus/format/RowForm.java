package io.millrace.operators.corpus.format;

import io.millrace.schemas.codec.record.CodecException;
import java.util.List;

/** How the rows of one file are understood, and written again with their answers. Immutable. */
public interface RowForm {

    /**
     * Looks into a row.
     *
     * @throws CodecException it is not a row of this form, or has not what is asked for
     */
    Fields read(byte[] row) throws CodecException;

    /** What the output begins with; empty where nothing does. */
    byte[] header();

    /**
     * A row with its answer, and the end of its line.
     *
     * @param row one that {@link #read} took
     * @param answers at least one; more are written as a JSON array
     */
    byte[] write(byte[] row, List<String> answers);

    /**
     * The form of a file's rows.
     *
     * @param header what the reader gave
     * @throws UnreadableFileException the file has not the columns that are asked for
     */
    static RowForm of(FileFormat format, byte[] header, Columns columns)
            throws UnreadableFileException {
        return format.rows() == FileFormat.Rows.CSV
                ? new CsvForm(header, format.delimiter(), columns)
                : new JsonForm(columns);
    }
}
