package io.millrace.gpu.model.quantization;

import io.millrace.gpu.tensor.ComputedRows;
import java.io.Closeable;
import java.io.IOException;

/**
 * A quantized weight (rows, columns), which is (outputs, inputs) of its layer.
 *
 * @param codes opens the codes
 * @param grid reads scales and zero points
 * @param where display name
 */
record QuantizedMatrix(long rows, int columns, CodeSource codes, GridSource grid, String where)
        implements ComputedRows.Source {

    /** Opens the codes. */
    @FunctionalInterface
    interface CodeSource {
        Codes open() throws IOException;
    }

    /** Reads scales and zero points. */
    @FunctionalInterface
    interface GridSource {
        Grid read() throws IOException;
    }

    /** The open codes. Any thread may read; one closes. */
    interface Codes extends Closeable {

        /** The codes of a row as numbers, zero points not yet subtracted. */
        void read(long row, float[] to) throws IOException;

        @Override
        default void close() throws IOException {}
    }

    @Override
    public ComputedRows.Rows open() throws IOException {
        Grid read = grid.read();
        Codes opened = codes.open();
        return new ComputedRows.Rows() {
            @Override
            public void read(long row, float[] to) throws IOException {
                opened.read(row, to);
                read.scale(row, to);
            }

            @Override
            public void close() throws IOException {
                opened.close();
            }
        };
    }

    @Override
    public String toString() {
        return where;
    }
}
