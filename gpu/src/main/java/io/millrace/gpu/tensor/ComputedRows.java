package io.millrace.gpu.tensor;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Bytes of a matrix that is computed, row by row, from other tensors. */
public final class ComputedRows implements TensorBytes {
    private final Source source;
    private final DType type;
    private final int columns;

    private ComputedRows(Source source, DType type, int columns) {
        this.source = source;
        this.type = type;
        this.columns = columns;
    }

    /** What the rows are computed from; {@code toString} is its display name. */
    public interface Source {

        /** Opens the source for any number of threads. */
        Rows open() throws IOException;
    }

    /** An open source. Any thread may read; one closes. */
    public interface Rows extends Closeable {

        /**
         * Computes a row.
         *
         * @param to as long as a row
         */
        void read(long row, float[] to) throws IOException;

        @Override
        default void close() throws IOException {}
    }

    /** The matrix of numbers of {@code type} that are nearest to those of the source. */
    public static Tensor tensor(String name, DType type, long rows, int columns, Source source) {
        long[] shape = {rows, columns};
        return Tensor.made(name, type, shape, new ComputedRows(source, type, columns));
    }

    @Override
    public Reader open() throws IOException {
        Rows rows = source.open();
        return new Reader() {
            @Override
            public boolean fill(ByteBuffer to, long from) throws IOException {
                ComputedRows.this.fill(rows, to, from);
                return true;
            }

            @Override
            public void close() throws IOException {
                rows.close();
            }
        };
    }

    private void fill(Rows rows, ByteBuffer to, long from) throws IOException {
        int width = type.bytes();
        float[] values = new float[columns];
        byte[] bytes = new byte[columns * width];
        int skipped = (int) (from % bytes.length);
        for (long row = from / bytes.length; to.hasRemaining(); row++) {
            rows.read(row, values);
            type.round(values, columns);
            for (int i = 0; i < columns; i++) {
                NumberBits.put(type, values[i], bytes, i * width);
            }
            to.put(bytes, skipped, Math.min(to.remaining(), bytes.length - skipped));
            skipped = 0;
        }
    }

    @Override
    public String toString() {
        return source.toString();
    }
}
