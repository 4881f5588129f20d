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
 * The properties of an input that its output keeps. Encoded as one byte for the codec and a footer
 * without row groups.
 *
 * @param codec codec of the pages
 * @param schema columns of the input
 * @param metadata key-value metadata of the footer, without schemas in other programs' notations:
 *     they lack the answer's column
 */
record ParquetHeader(CompressionCodec codec, ParquetSchema schema, List<KeyValue> metadata) {
    /** Keys of schemas of Arrow, Spark, Avro and Iceberg. */
    private static final Set<String> SCHEMAS =
            Set.of(
                    "ARROW:schema",
                    "org.apache.spark.sql.parquet.row.metadata",
                    "parquet.avro.schema",
                    "avro.schema",
                    "iceberg.schema");

    static ParquetHeader of(ParquetFile file) {
        List<KeyValue> metadata = new ArrayList<>();
        if (file.footer().isSetKey_value_metadata()) {
            for (KeyValue each : file.footer().getKey_value_metadata()) {
                if (!SCHEMAS.contains(each.getKey())) {
                    metadata.add(each);
                }
            }
        }
        return new ParquetHeader(file.codec(), file.schema(), metadata);
    }

    byte[] bytes() {
        FileMetaData footer = new FileMetaData(1, schema.elements(), 0, List.of());
        footer.setKey_value_metadata(metadata);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        bytes.write(codec.getValue());
        try {
            Util.writeFileMetaData(footer, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("Writing to memory failed.", e);
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
