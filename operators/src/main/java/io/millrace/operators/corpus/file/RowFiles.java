package io.millrace.operators.corpus.file;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Place;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.format.compression.Compressions;
import io.millrace.operators.corpus.format.parquet.ParquetForm;
import io.millrace.operators.corpus.format.parquet.ParquetRows;
import io.millrace.operators.corpus.format.parquet.ParquetWriter;
import io.millrace.operators.corpus.format.text.CsvForm;
import io.millrace.operators.corpus.format.text.CsvRows;
import io.millrace.operators.corpus.format.text.JsonForm;
import io.millrace.operators.corpus.format.text.JsonRows;
import io.millrace.operators.corpus.format.text.LineForm;
import io.millrace.operators.corpus.format.text.LineWriter;
import io.millrace.operators.corpus.format.text.RowBytes;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens files of rows by their format. */
public final class RowFiles {
    private RowFiles() {}

    /**
     * Opens a file for reading.
     *
     * @param from where rows begin once {@link RowReader#seek} is there
     * @throws UnreadableFileException its beginning is not of this format
     */
    public static RowReader open(FileFormat format, Path file, Place from) throws IOException {
        return switch (format.rows()) {
            case PARQUET -> new ParquetRows(file, from);
            case JSONL, CSV -> openLines(format, file, from);
        };
    }

    private static RowReader openLines(FileFormat format, Path file, Place from)
            throws IOException {
        InputStream in = Compressions.open(file, format.compression());
        try {
            RowBytes bytes = new RowBytes(in, format.compression() == Compression.NONE);
            return format.rows() == FileFormat.Rows.CSV
                    ? new CsvRows(bytes, format.delimiter(), from)
                    : new JsonRows(bytes, from);
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    /** About how many bytes the rows of a file have, for what is told of the progress. */
    public static long plainBytes(FileFormat format, Path file) throws IOException {
        try {
            return format.rows() == FileFormat.Rows.PARQUET
                    ? ParquetRows.plainBytes(file)
                    : Compressions.plainBytes(file, format.compression());
        } catch (UnreadableFileException e) {
            return Files.size(file);
        }
    }

    /**
     * The form of a file's rows.
     *
     * @param header what the reader gave
     * @throws UnreadableFileException the file has not the columns that are asked for
     */
    public static RowForm form(FileFormat format, byte[] header, Columns columns)
            throws UnreadableFileException {
        return switch (format.rows()) {
            case PARQUET -> new ParquetForm(header, columns);
            case JSONL, CSV -> lines(format, header, columns);
        };
    }

    private static LineForm lines(FileFormat format, byte[] header, Columns columns)
            throws UnreadableFileException {
        return format.rows() == FileFormat.Rows.CSV
                ? new CsvForm(header, format.delimiter(), columns)
                : new JsonForm(columns);
    }

    /**
     * Begins an output.
     *
     * @param header what the input's reader gave
     * @param out stays open
     */
    public static RowWriter write(
            FileFormat format, byte[] header, Columns columns, OutputStream out)
            throws IOException {
        return switch (format.rows()) {
            case PARQUET -> new ParquetWriter(header, columns, out);
            case JSONL, CSV ->
                    new LineWriter(
                            lines(format, header, columns),
                            Compressions.compress(out, format.compression()));
        };
    }

    /**
     * A row as people read it; null where it is no text.
     *
     * @param header what the reader gave
     */
    public static String text(FileFormat format, byte[] header, byte[] row) {
        return switch (format.rows()) {
            case PARQUET -> ParquetForm.json(header, row);
            case JSONL, CSV -> Text.decode(row, 0, row.length);
        };
    }
}
