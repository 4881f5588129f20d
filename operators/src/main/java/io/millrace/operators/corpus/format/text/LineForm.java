package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.RowForm;
import java.util.List;

/** Parses and writes rows that are lines of text. All but the answer keeps its bytes. */
public interface LineForm extends RowForm {
    /** The first bytes of the output; empty if there is no header. */
    byte[] header();

    /**
     * A row with its answer and line ending.
     *
     * @param row a row that {@link #read} has parsed
     * @param answers at least one; several are written as a JSON array
     */
    byte[] write(byte[] row, List<String> answers);
}
