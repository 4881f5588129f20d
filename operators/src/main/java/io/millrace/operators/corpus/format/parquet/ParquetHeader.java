package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.format.Util;

/**
 * What an output takes over from its input. As bytes: the number of the codec, and a footer without
 * rows.
 *
 * @param codec of the pages
 * @param schema the input's columns
 * @param notes what other programs noted in the footer; without what would say the columns once
 *     more, and of the input
 */
record ParquetHeader(CompressionCodec codec, ParquetSchema schema, List<KeyValue> notes) {
    /** Schemas in the words of Arrow, Spark, Avro and Iceberg. */
    private static final Set<String> SCHEMAS =
            Set.of(
                    "ARROW:schema",
                    "org.apache.spark.sql.parquet.row.metadata",
                    "parquet.avro.schema",
                    "avro.schema",
                    "iceberg.schema");

    static ParquetHeader of(ParquetFile file) {
        List<KeyValue> notes = new ArrayList<>();
        if (file.footer().isSetKey_value_metadata()) {
            for (KeyValue note : file.footer().getKey_value_metadata()) {
                if (!SCHEMAS.contains(note.getKey())) {
                    notes.add(note);
                }
            }
        }
        return new ParquetHeader(file.codec(), file.schema(), notes);
    }

    byte[] bytes() {
        FileMetaData footer = new FileMetaData(1, schema.elements(), 0, List.of());
        footer.setKey_value_metadata(notes);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        bytes.write(codec.getValue());
        try {
            Util.writeFileMetaData(footer, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("There is no writing to memory.", e);
        }
        return bytes.toByteArray();
    }

    static ParquetHeader read(byte[] bytes) throws UnreadableFileException {
        FileMetaData footer = ParquetFile.parse(Arrays.copyOfRange(bytes, 1, bytes.length));
        return new ParquetHeader(
                CompressionCodec.findByValue(bytes[0]),
                ParquetSchema.of(footer.getSchema()),
                footer.getKey_value_metadata());
    }
}
