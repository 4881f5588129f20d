package io.millrace.operators.corpus.file;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.format.compression.Compressions;
import io.millrace.operators.corpus.format.openai.BatchForm;
import io.millrace.operators.corpus.format.openai.BatchRows;
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

/** Opens readers, forms and writers of rows by a file's format. */
public final class RowFiles {
    private RowFiles() {}

    /**
     * Opens a file for reading.
     *
     * @param from position of the first row to return; see {@link RowReader#seek}
     * @throws UnreadableFileException the beginning of the file does not have this format
     */
    public static RowReader open(FileFormat format, Path file, RowPosition from)
            throws IOException {
        return switch (format.rows()) {
            case PARQUET -> new ParquetRows(file, from);
            case JSONL, CSV, OPENAI_BATCH -> openLines(format, file, from);
        };
    }

    private static RowReader openLines(FileFormat format, Path file, RowPosition from)
            throws IOException {
        InputStream in = Compressions.open(file, format.compression());
        try {
            RowBytes bytes = new RowBytes(in, format.compression() == Compression.NONE);
            return switch (format.rows()) {
                case CSV -> new CsvRows(bytes, format.delimiter(), from);
                case OPENAI_BATCH -> new BatchRows(bytes, from);
                default -> new JsonRows(bytes, from);
            };
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    /** Estimated size of a file's rows in bytes, for progress reports. */
    public static long uncompressedBytes(FileFormat format, Path file) throws IOException {
        try {
            return format.rows() == FileFormat.Rows.PARQUET
                    ? ParquetRows.uncompressedBytes(file)
                    : Compressions.uncompressedBytes(file, format.compression());
        } catch (UnreadableFileException e) {
            return Files.size(file);
        }
    }

    /**
     * The form of a file's rows.
     *
     * @param header {@link RowReader#header} of the file
     * @throws UnreadableFileException the file lacks one of the columns
     */
    public static RowForm form(FileFormat format, byte[] header, Columns columns)
            throws UnreadableFileException {
        return switch (format.rows()) {
            case PARQUET -> new ParquetForm(header, columns);
            case JSONL, CSV, OPENAI_BATCH -> lines(format, header, columns);
        };
    }

    private static LineForm lines(FileFormat format, byte[] header, Columns columns)
            throws UnreadableFileException {
        return switch (format.rows()) {
            case CSV -> new CsvForm(header, format.delimiter(), columns);
            case OPENAI_BATCH -> new BatchForm(columns.createdSeconds());
            default -> new JsonForm(columns);
        };
    }

    /**
     * Opens a writer of an output file.
     *
     * @param header {@link RowReader#header} of the input file
     * @param out not closed by the writer
     */
    public static RowWriter write(
            FileFormat format, byte[] header, Columns columns, OutputStream out)
            throws IOException {
        return switch (format.rows()) {
            case PARQUET -> new ParquetWriter(header, columns, out);
            case JSONL, CSV, OPENAI_BATCH ->
                    new LineWriter(
                            lines(format, header, columns),
                            Compressions.compress(out, format.compression()));
        };
    }

    /**
     * A row as a JSON object for display, also of CSV; null if it is not text.
     *
     * @param header {@link RowReader#header} of the file
     */
    public static String json(FileFormat format, byte[] header, byte[] row) {
        return format.rows() == FileFormat.Rows.CSV
                ? CsvForm.json(header, row, format.delimiter())
                : text(format, header, row);
    }

    /**
     * A row as text for display; null if it is not text.
     *
     * @param header {@link RowReader#header} of the file
     */
    public static String text(FileFormat format, byte[] header, byte[] row) {
        return switch (format.rows()) {
            case PARQUET -> ParquetForm.json(header, row);
            case JSONL, CSV, OPENAI_BATCH -> Text.decode(row, 0, row.length);
        };
    }
}
