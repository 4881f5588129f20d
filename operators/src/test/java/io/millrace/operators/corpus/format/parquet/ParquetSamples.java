package io.millrace.operators.corpus.format.parquet;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.format.CompressionCodec;

/** Files that other programs wrote (make_files.mjs), and how tests read and answer them. */
final class ParquetSamples {
    static final Path FILES = Path.of("src/test/resources/parquet");
    static final FileFormat PARQUET = FileFormat.of("a.parquet", null, null);
    static final Columns COLUMNS = new Columns("text", "number", "answer", false);
    static final int ROWS = 97;

    private ParquetSamples() {}

    static Path file(String name) {
        return FILES.resolve(name + ".parquet");
    }

    static RowReader open(Path file, RowPosition from) throws IOException {
        RowReader rows = RowFiles.open(PARQUET, file, from);
        while (!rows.seek()) {
            continue;
        }
        return rows;
    }

    static List<String> texts(Path file, RowPosition from) throws IOException {
        List<String> texts = new ArrayList<>();
        try (RowReader rows = open(file, from)) {
            for (Row row = rows.next(); row != null; row = rows.next()) {
                texts.add(RowFiles.text(PARQUET, rows.header(), row.bytes()));
            }
        }
        return texts;
    }

    static byte[] answered(Path file, Columns columns) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (RowReader rows = open(file, RowPosition.START);
                RowWriter writer = RowFiles.write(PARQUET, rows.header(), columns, out)) {
            for (Row row = rows.next(); row != null; row = rows.next()) {
                writer.add(row.bytes(), List.of("answer " + (row.number() - 1)));
            }
            writer.finish();
        }
        return out.toByteArray();
    }

    /** So many rows, those of one file again and again. */
    static byte[] repeated(int count) throws IOException {
        List<byte[]> all = new ArrayList<>();
        byte[] header;
        try (RowReader rows = open(file("pages-v2"), RowPosition.START)) {
            header = rows.header();
            for (Row row = rows.next(); row != null; row = rows.next()) {
                all.add(row.bytes());
            }
        }
        assertThat(ParquetHeader.read(header).codec()).isEqualTo(CompressionCodec.UNCOMPRESSED);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (RowWriter writer = RowFiles.write(PARQUET, header, COLUMNS, out)) {
            for (int i = 0; i < count; i++) {
                writer.add(all.get(i % all.size()), List.of("a" + i % 1023));
            }
            writer.finish();
        }
        return out.toByteArray();
    }

    static JsonNode json(String text) throws IOException {
        return new JsonMapper().readTree(text);
    }
}
