package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.RowWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** Writes rows as lines. */
public final class LineWriter implements RowWriter {
    private final LineForm form;
    private final OutputStream out;

    /**
     * @param out completes its compressed data when it is closed
     */
    public LineWriter(LineForm form, OutputStream out) throws IOException {
        this.form = form;
        this.out = out;
        out.write(form.header());
    }

    @Override
    public void add(byte[] row, List<String> answers) throws IOException {
        out.write(form.write(row, answers));
    }

    @Override
    public void finish() throws IOException {
        out.close();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
