package io.millrace.jobs.init;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads the first rows of a file of rows. */
final class FileSample {
    private static final String SEPARATORS = ",;\t|";

    private FileSample() {}

    /**
     * @param rows what rows are whatever the file's name says; null to go by the name
     * @param delimiter between the cells of CSV; null to find it
     */
    static Sample read(Path file, FileFormat.Rows rows, Character delimiter) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new CommandFailedException(
                    "There is no file " + file + ": give FILE one file of rows, or --topic.");
        }
        FileFormat format = FileFormat.of(file.getFileName().toString(), rows, delimiter);
        if (format == null) {
            throw new CommandFailedException(
                    "The name of %s does not tell what it is made of: give --rows."
                            .formatted(file));
        }
        if (format.rows() == FileFormat.Rows.CSV && delimiter == null) {
            format =
                    new FileFormat(
                            format.rows(),
                            separator(head(file, format), format.delimiter()),
                            format.compression());
        }
        List<Map<String, Object>> sampled = new ArrayList<>();
        try (RowReader reader = open(file, format)) {
            for (Row row = next(reader); row != null && sampled.size() < Sample.ROWS; ) {
                String where = "Row %d of %s".formatted(row.number(), file);
                if (row.fault() != null) {
                    throw new CommandFailedException(where + ": " + row.fault() + ".");
                }
                sampled.add(
                        JsonRows.parse(RowFiles.json(format, reader.header(), row.bytes()), where));
                row = next(reader);
            }
        } catch (UnreadableFileException e) {
            throw new CommandFailedException(file + ": " + e.getMessage() + ".", e);
        }
        if (sampled.isEmpty()) {
            throw new CommandFailedException(file + " has no rows: there is nothing to look at.");
        }
        return new Sample(file.getFileName().toString(), file, format, sampled);
    }

    private static RowReader open(Path file, FileFormat format) throws IOException {
        RowReader reader = RowFiles.open(format, file, RowPosition.START);
        while (!reader.seek()) {
            continue;
        }
        return reader;
    }

    private static Row next(RowReader reader) throws IOException {
        Row row = reader.next();
        while (row == Row.PENDING) {
            row = reader.next();
        }
        return row;
    }

    private static String head(Path file, FileFormat format) throws IOException {
        try (RowReader reader = open(file, format)) {
            return new String(reader.header(), StandardCharsets.UTF_8);
        } catch (UnreadableFileException e) {
            throw new CommandFailedException(file + ": " + e.getMessage() + ".", e);
        }
    }

    /** The one of the usual separators that a header has most often. */
    private static char separator(String header, char usual) {
        char best = usual;
        for (char each : SEPARATORS.toCharArray()) {
            if (count(header, each) > count(header, best)) {
                best = each;
            }
        }
        return best;
    }

    private static long count(String text, char wanted) {
        return text.chars().filter(c -> c == wanted).count();
    }
}
