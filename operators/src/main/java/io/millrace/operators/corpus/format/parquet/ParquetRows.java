package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;

/**
 * Reads the rows of a Parquet file, with one page of each column in memory. A row's bytes are in
 * the encoding of {@link Records}; its line number is its row number.
 */
public final class ParquetRows implements RowReader {
    /** Maximum rows that one call of {@link #seek} skips. */
    private static final int STEP = 4096;

    private final ParquetFile file;
    private final byte[] header;
    private final MessageColumnIO columns;
    private final RowPosition from;

    /** Index of the next row group. */
    private int group;

    /** Null between two row groups. */
    private RecordReader<Object[]> records;

    private RecordBuilder builder;

    /** Rows left in the current row group. */
    private long left;

    private long rows;

    public ParquetRows(Path path, RowPosition from) throws IOException {
        this.from = from;
        file = ParquetFile.open(path);
        try {
            header = ParquetHeader.of(file).bytes();
            columns =
                    new ColumnIOFactory(file.footer().getCreated_by())
                            .getColumnIO(file.schema().message());
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Estimated decompressed size of a file's rows in bytes. */
    public static long uncompressedBytes(Path path) throws IOException {
        try (ParquetFile file = ParquetFile.open(path)) {
            return file.uncompressedBytes();
        }
    }

    @Override
    public byte[] header() {
        return header.clone();
    }

    @Override
    public boolean seek() throws IOException {
        List<RowGroup> groups = file.footer().getRow_groups();
        while (records == null
                && group < groups.size()
                && rows + groups.get(group).getNum_rows() <= from.rows()) {
            rows += groups.get(group).getNum_rows();
            group++;
        }
        for (int step = 0; step < STEP && rows < from.rows(); step++) {
            if (!hasNext()) {
                throw new UnreadableFileException(
                        "it ends after row %,d, before the position to read from, row %,d"
                                .formatted(rows, from.rows()));
            }
            record();
        }
        return rows >= from.rows();
    }

    @Override
    public Row next() throws IOException {
        if (!hasNext()) {
            return null;
        }
        Object[] record = record();
        if (builder.fault() != null) {
            return new Row(rows, rows, new byte[0], builder.fault());
        }
        byte[] row = Records.bytes(file.schema().message(), record);
        if (row.length > Row.MAX_BYTES) {
            return new Row(rows, rows, new byte[0], Row.tooLong(row.length));
        }
        return new Row(rows, rows, row, null);
    }

    private boolean hasNext() throws IOException {
        List<RowGroup> groups = file.footer().getRow_groups();
        while (left == 0) {
            records = null;
            if (group == groups.size()) {
                return false;
            }
            RowGroup next = groups.get(group++);
            left = next.getNum_rows();
            if (left > 0) {
                open(next);
            }
        }
        return true;
    }

    private void open(RowGroup next) throws IOException {
        List<ColumnDescriptor> all = file.schema().message().getColumns();
        PageBounds bounds = new PageBounds();
        PageReadStore store =
                new PageReadStore() {
                    @Override
                    public PageReader getPageReader(ColumnDescriptor column) {
                        int number = all.indexOf(column);
                        return new Pages(
                                file.channel(),
                                column,
                                next.getColumns().get(number).getMeta_data(),
                                bounds);
                    }

                    @Override
                    public long getRowCount() {
                        return next.getNum_rows();
                    }
                };
        builder = new RecordBuilder(file.schema().message());
        records = reading(() -> columns.getRecordReader(store, builder));
    }

    private Object[] record() throws IOException {
        Object[] record = reading(records::read);
        left--;
        rows++;
        return record;
    }

    private interface Reading<T> {
        T read();
    }

    private <T> T reading(Reading<T> reading) throws IOException {
        try {
            return reading.read();
        } catch (RuntimeException e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof UncheckedIOException io) {
                    throw io.getCause();
                }
            }
            throw new UnreadableFileException("its data is damaged (%s)".formatted(rootOf(e)));
        }
    }

    private static Throwable rootOf(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }

    @Override
    public RowPosition position() {
        return rows < from.rows() ? from : new RowPosition(0, rows, rows);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
