package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.Place;
import io.millrace.operators.corpus.format.Row;
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
 * The rows of a Parquet file. A page of each column is in memory at a time. A row's bytes are those
 * of {@link Records}; its line is its number.
 */
public final class ParquetRows implements RowReader {
    /** Rows passed over in one step towards a place. */
    private static final int STEP = 4096;

    private final ParquetFile file;
    private final byte[] header;
    private final MessageColumnIO columns;
    private final Place from;

    /** Of the row group that comes next. */
    private int group;

    /** Null between two row groups. */
    private RecordReader<Object[]> records;

    private RecordBuilder builder;

    /** Rows of the row group that are left. */
    private long left;

    private long rows;

    public ParquetRows(Path path, Place from) throws IOException {
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

    /** About how many bytes the rows of a file have. */
    public static long plainBytes(Path path) throws IOException {
        try (ParquetFile file = ParquetFile.open(path)) {
            return file.plainBytes();
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
                        "it ends behind row %,d, before %,d, where reading should go on"
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
        if (row.length > Row.MOST_BYTES) {
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
    public Place place() {
        return rows < from.rows() ? from : new Place(0, rows, rows);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
