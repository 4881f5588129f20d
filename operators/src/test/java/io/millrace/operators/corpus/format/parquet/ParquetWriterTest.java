package io.millrace.operators.corpus.format.parquet;

import static io.millrace.operators.corpus.format.parquet.ParquetSamples.COLUMNS;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.PARQUET;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.ROWS;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.answered;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.file;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.json;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.open;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.repeated;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.texts;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.schema.Type;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written of the rows of other programs. */
class ParquetWriterTest {
    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"snappy", "zstd-v2", "gzip", "lz4", "plain", "pages-v2"})
    void whatIsWrittenHasTheSameRowsAndTheAnswers(String name) throws IOException {
        byte[] written = answered(file(name), COLUMNS);
        assertThat(answered(file(name), COLUMNS)).isEqualTo(written);
        Path copy = Files.write(folder.resolve("copy"), written);
        try (RowReader before = open(file(name), RowPosition.START);
                RowReader after = open(copy, RowPosition.START)) {
            ParquetHeader then = ParquetHeader.read(before.header());
            ParquetHeader now = ParquetHeader.read(after.header());
            assertThat(now.codec()).isEqualTo(then.codec());
            assertThat(now.schema().elements().subList(1, then.schema().elements().size()))
                    .isEqualTo(
                            then.schema().elements().subList(1, then.schema().elements().size()));
            for (int i = 0; i < ROWS; i++) {
                Object[] answered = Records.read(now.schema().message(), after.next().bytes());
                int count = answered.length - 1;
                byte[] without =
                        Records.bytes(then.schema().message(), Arrays.copyOf(answered, count));
                assertThat(without).isEqualTo(before.next().bytes());
                assertThat(answered[count]).isEqualTo(("answer " + i).getBytes(UTF_8));
            }
            assertThat(after.next()).isNull();
        }
    }

    @Test
    void aRowGroupEndsByItsRows() throws IOException {
        byte[] bytes = repeated(100_017);
        assertThat(repeated(100_017)).isEqualTo(bytes);
        try (ParquetFile file = ParquetFile.open(Files.write(folder.resolve("x"), bytes))) {
            assertThat(file.footer().getRow_groups())
                    .extracting(group -> group.getNum_rows())
                    .containsExactly(100_000L, 17L);
            assertThat(file.footer().getNum_rows()).isEqualTo(100_017);
        }
        assertThat(texts(folder.resolve("x"), new RowPosition(0, 100_001, 100_001))).hasSize(16);
    }

    /** They are in memory until their row group ends. */
    @Test
    void aRowGroupEndsByTheBytesOfItsAnswers() throws IOException {
        byte[] header;
        byte[] row;
        try (RowReader rows = open(file("zstd-v2"), RowPosition.START)) {
            header = rows.header();
            row = rows.next().bytes();
        }
        String answer = "a".repeat(4 << 20);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (RowWriter writer = RowFiles.write(PARQUET, header, COLUMNS, out)) {
            for (int i = 0; i < 19; i++) {
                writer.add(row, List.of(answer));
            }
            writer.finish();
        }
        Path copy = Files.write(folder.resolve("copy"), out.toByteArray());
        try (ParquetFile file = ParquetFile.open(copy)) {
            assertThat(file.footer().getRow_groups())
                    .extracting(group -> group.getNum_rows())
                    .containsExactly(16L, 3L);
        }
    }

    @Test
    void anAnswerTakesThePlaceOfAColumn() throws Exception {
        Columns columns = new Columns("const", null, "mail", true);
        Path copy = Files.write(folder.resolve("copy"), answered(file("zstd-v2"), columns));
        try (ParquetFile before = ParquetFile.open(file("zstd-v2"));
                RowReader after = open(copy, RowPosition.START)) {
            ParquetSchema schema = ParquetHeader.read(after.header()).schema();
            assertThat(schema.message().getFields())
                    .extracting(Type::getName)
                    .isEqualTo(
                            before.schema().message().getFields().stream()
                                    .map(Type::getName)
                                    .toList());
            JsonNode first = json(RowFiles.text(PARQUET, after.header(), after.next().bytes()));
            assertThat(first.get("mail").asText()).isEqualTo("answer 0");
            assertThat(first.get("const").asText()).isEqualTo("const");
        }
    }

    @Test
    void manyAnswersAreAnArrayAsText() throws IOException {
        byte[] header;
        Row row;
        try (RowReader rows = open(file("plain"), RowPosition.START)) {
            header = rows.header();
            row = rows.next();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (RowWriter writer = RowFiles.write(PARQUET, header, COLUMNS, out)) {
            writer.add(row.bytes(), List.of("a\"", "ü"));
            writer.finish();
        }
        Path copy = Files.write(folder.resolve("copy"), out.toByteArray());
        try (RowReader rows = open(copy, RowPosition.START)) {
            JsonNode said = json(RowFiles.text(PARQUET, rows.header(), rows.next().bytes()));
            assertThat(said.get("answer").asText()).isEqualTo("[\"a\\\"\",\"ü\"]");
        }
    }

    /** They would say that the answer is not there. */
    @Test
    void notesThatSayTheColumnsOnceMoreAreLeftOut() throws IOException {
        try (ParquetFile file = ParquetFile.open(file("plain"))) {
            file.footer().addToKey_value_metadata(new KeyValue("ARROW:schema").setValue("x"));
            file.footer().addToKey_value_metadata(new KeyValue("pandas").setValue("y"));
            assertThat(ParquetHeader.read(ParquetHeader.of(file).bytes()).metadata())
                    .contains(new KeyValue("pandas").setValue("y"))
                    .noneMatch(note -> note.getKey().equals("ARROW:schema"));
        }
    }
}
