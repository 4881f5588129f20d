package io.millrace.operators.corpus.format.parquet;

import static io.millrace.operators.corpus.format.parquet.ParquetSamples.COLUMNS;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.PARQUET;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.file;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.json;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.TextNode;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records that are damaged or too long. */
class RecordBuilderTest {
    @TempDir Path folder;

    /** A null there would be no row any more. */
    @Test
    void aRequiredColumnWithoutAValueIsDamage() {
        MessageType type =
                MessageTypeParser.parseMessageType(
                        "message m { optional group g { required int32 a; required int32 b; } }");
        RecordBuilder builder = new RecordBuilder(type);
        builder.getRootConverter().start();
        GroupConverter group = builder.getRootConverter().getConverter(0).asGroupConverter();
        group.start();
        group.getConverter(0).asPrimitiveConverter().addInt(7);
        assertThatThrownBy(group::end).hasMessageContaining("column b has no value");
        group.getConverter(1).asPrimitiveConverter().addInt(7);
        assertThatThrownBy(() -> group.getConverter(1).asPrimitiveConverter().addInt(8))
                .hasMessageContaining("column b, which is not repeated, has two values");
        group.end();
        builder.getRootConverter().end();
        assertThat(builder.fault()).isNull();
        assertThat((Object[]) builder.getCurrentRecord()[0]).containsExactly(7, 7);
    }

    @Test
    void aRowThatIsTooLongIsAFailureAndTheNextOneIsNot() throws IOException {
        byte[] header;
        byte[] bytes;
        try (RowReader rows = open(file("zstd-v2"), RowPosition.START)) {
            header = rows.header();
            bytes = rows.next().bytes();
        }
        MessageType type = ParquetHeader.read(header).schema().message();
        Object[] record = Records.read(type, bytes);
        record[type.getFieldIndex("text")] = new byte[Row.MAX_BYTES];
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (RowWriter writer = RowFiles.write(PARQUET, header, COLUMNS, out)) {
            writer.add(Records.bytes(type, record), List.of("x"));
            writer.add(bytes, List.of("y"));
            writer.finish();
        }
        Path copy = Files.write(folder.resolve("copy"), out.toByteArray());
        try (RowReader rows = open(copy, RowPosition.START)) {
            Row first = rows.next();
            assertThat(first.fault()).contains("more than the maximum of 16,777,216");
            assertThat(first.bytes()).isEmpty();
            Row second = rows.next();
            assertThat(second.fault()).isNull();
            assertThat(second.number()).isEqualTo(2);
            assertThat(json(RowFiles.text(PARQUET, rows.header(), second.bytes())).get("answer"))
                    .isEqualTo(TextNode.valueOf("y"));
        }
    }

    /** A million of them would take more memory than their bytes say. */
    @Test
    void aRowOfTooManyValuesIsNotHeld() {
        MessageType type =
                MessageTypeParser.parseMessageType("message m { repeated boolean flags; }");
        RecordBuilder builder = new RecordBuilder(type);
        GroupConverter root = builder.getRootConverter();
        for (int extra = 0; extra <= 1; extra++) {
            root.start();
            for (int i = 0; i < RecordBuilder.MAX_VALUES + 7 * extra; i++) {
                root.getConverter(0).asPrimitiveConverter().addBoolean(true);
            }
            root.end();
            assertThat((List<?>) builder.getCurrentRecord()[0]).hasSize(RecordBuilder.MAX_VALUES);
            if (extra == 0) {
                assertThat(builder.fault()).isNull();
            } else {
                assertThat(builder.fault()).contains("the row has 1,048,583 values");
            }
        }
    }
}
