package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.RowForm;
import java.util.List;

/** Rows that are written one behind the other, each as it was read but for its answer. */
public interface LineForm extends RowForm {
    /** What the output begins with; empty where nothing does. */
    byte[] header();

    /**
     * A row with its answer, and the end of its line.
     *
     * @param row one that {@link #read} took
     * @param answers at least one; more are written as a JSON array
     */
    byte[] write(byte[] row, List<String> answers);
}
