package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.Columns;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Type;

/** Writes Parquet files of any size for tests. */
public final class TestingParquet {
    private TestingParquet() {}

    /** A file of the columns {@code number}, from 0, and {@code text}. */
    public static void write(Path file, Iterable<String> texts) throws IOException {
        SchemaElement root = new SchemaElement("rows").setNum_children(1);
        SchemaElement number =
                new SchemaElement("number")
                        .setType(Type.INT64)
                        .setRepetition_type(FieldRepetitionType.REQUIRED);
        ParquetHeader header =
                new ParquetHeader(
                        CompressionCodec.ZSTD, ParquetSchema.of(List.of(root, number)), List.of());
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file));
                ParquetWriter rows =
                        new ParquetWriter(
                                header.bytes(), new Columns(null, null, "text", false), out)) {
            long row = 0;
            for (String text : texts) {
                byte[] bytes = Records.bytes(header.schema().message(), new Object[] {row++});
                rows.add(bytes, List.of(text));
            }
            rows.finish();
        }
    }
}
