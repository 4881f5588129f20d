package io.millrace.operators.corpus.format.parquet;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.apache.parquet.schema.Type;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of other programs (make_files.mjs), and what is written of them. */
class ParquetFilesTest {
    private static final Path FILES = Path.of("src/test/resources/parquet");
    private static final FileFormat PARQUET = FileFormat.of("a.parquet", null, null);
    private static final Columns COLUMNS = new Columns("text", "number", "answer", false);
    private static final int ROWS = 97;
    private static final int CHANGES = 150;

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"snappy", "zstd-v2", "gzip", "lz4", "plain"})
    void rowsAreWhatTheOtherProgramSays(String name) throws IOException {
        List<String> expected = Files.readAllLines(FILES.resolve("rows.jsonl"));
        try (RowReader rows = open(file(name), RowPosition.START)) {
            for (int i = 0; i < ROWS; i++) {
                Row row = rows.next();
                assertThat(row.number()).isEqualTo(i + 1);
                assertThat(row.fault()).isNull();
                JsonNode said = json(RowFiles.text(PARQUET, rows.header(), row.bytes()));
                JsonNode wanted = json(expected.get(i));
                assertThat(said.get("number")).isEqualTo(wanted.get("number"));
                assertThat(said.get("text")).isEqualTo(wanted.get("text"));
                assertThat(said.get("even")).isEqualTo(wanted.get("even"));
                assertThat(said.at("/mail/body")).isEqualTo(wanted.at("/mail/body"));
                assertThat(said.at("/mail/at")).isEqualTo(wanted.at("/mail/at"));
                assertThat(said.at("/mail/to/list/0/element/name"))
                        .isEqualTo(wanted.at("/mail/to/0/name"));
                assertThat(elements(said.get("tags"))).isEqualTo(elements(wanted.get("tags")));
            }
            assertThat(rows.next()).isNull();
        }
    }

    /** Levels and values are apart in them, and levels are not compressed. */
    @Test
    void pagesOfVersionTwoAreRead() throws IOException {
        try (RowReader rows = open(file("pages-v2"), RowPosition.START)) {
            for (int i = 0; i < ROWS; i++) {
                JsonNode said = json(RowFiles.text(PARQUET, rows.header(), rows.next().bytes()));
                assertThat(said.get("number").asInt()).isEqualTo(i);
                assertThat(said.get("text").asText())
                        .isEqualTo(i % 17 == 5 ? "null" : "text " + i + " ü☕");
                assertThat(said.get("tags").size()).isEqualTo(i % 7 < 2 ? 0 : 2);
                assertThat(said.at("/mail/at").asDouble()).isEqualTo(i % 5 == 3 ? 0 : i / 8.0);
            }
            assertThat(rows.next()).isNull();
        }
    }

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
    void readingGoesOnBehindEveryRow() throws IOException {
        for (String name : List.of("zstd-v2", "pages-v2", "snappy")) {
            List<String> all = texts(file(name), RowPosition.START);
            for (int i = 0; i <= ROWS; i++) {
                assertThat(texts(file(name), new RowPosition(0, i, i)))
                        .isEqualTo(all.subList(i, ROWS));
            }
            RowPosition behind = new RowPosition(0, ROWS + 1, ROWS + 1);
            assertThatThrownBy(() -> open(file(name), behind))
                    .isInstanceOf(UnreadableFileException.class)
                    .hasMessageContaining("it ends after row 97");
        }
    }

    /** A barrier comes between two steps. */
    @Test
    void goingFarIntoARowGroupIsManySteps() throws IOException {
        Path large = folder.resolve("large");
        Files.write(large, repeated(10_000));
        RowPosition position = new RowPosition(0, 9_999, 9_999);
        try (RowReader rows = RowFiles.open(PARQUET, large, position)) {
            int steps = 1;
            while (!rows.seek()) {
                assertThat(rows.position()).isEqualTo(position);
                steps++;
            }
            assertThat(steps).isEqualTo(3);
            assertThat(rows.next().number()).isEqualTo(10_000);
            assertThat(rows.next()).isNull();
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

    @Test
    void aPathLeadsToThePromptAndToTheId() throws Exception {
        try (RowReader rows = open(file("snappy"), RowPosition.START)) {
            RowForm body =
                    RowFiles.form(
                            PARQUET,
                            rows.header(),
                            new Columns("mail.body", "name.with dots", "answer", false));
            Fields fields = body.read(rows.next().bytes());
            assertThat(fields.prompt()).isEqualTo("body 0");
            assertThat(fields.id()).isEqualTo("d0");
            RowForm text = RowFiles.form(PARQUET, rows.header(), COLUMNS);
            assertThat(text.read(rows.next().bytes()).id()).isEqualTo("1");
            for (int i = 2; i < 5; i++) {
                rows.next();
            }
            byte[] fifth = rows.next().bytes();
            assertThatThrownBy(() -> text.read(fifth))
                    .isInstanceOfSatisfying(
                            CodecException.class,
                            e -> {
                                assertThat(e.code()).isEqualTo(FailureCode.EMPTY_PROMPT);
                                assertThat(e.id()).isEqualTo("5");
                            })
                    .hasMessageContaining("column text, which --prompt-field names, is null");
            RowForm binary =
                    RowFiles.form(PARQUET, rows.header(), new Columns("bytes", null, "a", false));
            assertThatThrownBy(() -> binary.read(fifth))
                    .hasMessageContaining("byte 0 of column bytes is not UTF-8");
        }
    }

    @Test
    void aFileWithoutTheColumnsIsRefused() throws IOException {
        assertRefused(
                new Columns("words", null, "answer", false), "no column \"words\"", "number, text");
        assertRefused(new Columns("mail", null, "answer", false), "\"mail\"", "is a group");
        assertRefused(new Columns("tags.list", null, "answer", false), "several values per row");
        assertRefused(new Columns("number", null, "answer", false), "is INT64: it must be text");
        assertRefused(
                new Columns("text", "x", "answer", false),
                "\"x\", which --id-field names, is DOUBLE");
        assertRefused(new Columns("text", null, "tags", false), "--overwrite");
        assertRefused(new Columns(null, null, "answer", false), "--prompt-field");
    }

    @Test
    void whatIsNoParquetThatIsReadSaysWhy() throws IOException {
        byte[] whole = Files.readAllBytes(file("plain"));
        assertUnreadable(new byte[0], "it is truncated");
        assertUnreadable("{\"text\":1}\n".getBytes(UTF_8), "does not begin with PAR1");
        for (int length : new int[] {4, 5, 11, 12, 97, whole.length - 9, whole.length - 1}) {
            assertUnreadable(Arrays.copyOf(whole, length), "it is truncated");
        }
        byte[] encrypted = whole.clone();
        encrypted[whole.length - 1] = 'E';
        assertUnreadable(encrypted, "encrypted");
        assertUnreadable(
                Files.readAllBytes(file("brotli")),
                "compressed with BROTLI, which is not supported: write the file with zstd, snappy or gzip");
        assertThat(FileFormat.of("x.parquet.gz", null, null)).isNull();
    }

    /** Pages that are written here have checksums. */
    @Test
    void aDamagedPageIsNoticedAtItsFirstRow() throws IOException {
        byte[] whole = repeated(20_001);
        int inSecondPage = 4;
        try (ParquetFile file = ParquetFile.open(Files.write(folder.resolve("x"), whole))) {
            long text =
                    file.footer().getRow_groups().get(0).getColumns().stream()
                            .filter(c -> c.getMeta_data().getPath_in_schema().contains("number"))
                            .findFirst()
                            .orElseThrow()
                            .getMeta_data()
                            .getData_page_offset();
            inSecondPage += (int) text;
        }
        for (int damaged : new int[] {inSecondPage + 97, whole.length - 1500}) {
            byte[] other = whole.clone();
            other[damaged] ^= 0x41;
            Path file = Files.write(folder.resolve("damaged"), other);
            assertThatThrownBy(() -> texts(file, RowPosition.START))
                    .isInstanceOf(UnreadableFileException.class);
        }
    }

    /** Whatever is damaged costs this file and nothing else. */
    @ParameterizedTest
    @ValueSource(strings = {"zstd-v2", "pages-v2", "snappy"})
    void aChangedByteGivesRowsOrSaysThatItIsDamaged(String name) throws IOException {
        byte[] whole = Files.readAllBytes(file(name));
        Random random = new Random(15);
        SoftAssertions softly = new SoftAssertions();
        for (int i = 0; i < CHANGES; i++) {
            int at = random.nextInt(whole.length);
            byte[] damaged = whole.clone();
            damaged[at] ^= (byte) (1 + random.nextInt(255));
            Path file = Files.write(folder.resolve("damaged"), damaged);
            softly.assertThatCode(
                            () -> {
                                try {
                                    texts(file, RowPosition.START);
                                } catch (UnreadableFileException e) {
                                    assertThat(e.getMessage()).isNotEmpty();
                                }
                            })
                    .as("byte %d of %s", at, name)
                    .doesNotThrowAnyException();
        }
        softly.assertAll();
    }

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
    void aCodecThatIsNotWrittenIsRefusedWhereverItStands() throws IOException {
        byte[] whole = repeated(100_017);
        FileMetaData footer;
        try (ParquetFile file = ParquetFile.open(Files.write(folder.resolve("x"), whole))) {
            footer = file.footer();
        }
        footer.getRow_groups()
                .get(1)
                .getColumns()
                .get(1)
                .getMeta_data()
                .setCodec(CompressionCodec.LZO);
        ByteArrayOutputStream changed = new ByteArrayOutputStream();
        changed.write(whole, 0, whole.length - 8 - footerLength(whole));
        int before = changed.size();
        Util.writeFileMetaData(footer, changed);
        ByteBuffer tail = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        changed.write(tail.putInt(changed.size() - before).put(ParquetFile.MAGIC).array());
        assertUnreadable(changed.toByteArray(), "compressed with LZO, which is not supported");
    }

    private static int footerLength(byte[] file) {
        return ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(file.length - 8);
    }

    private static void assertRefused(Columns columns, String... parts) throws IOException {
        try (RowReader rows = open(file("plain"), RowPosition.START)) {
            assertThatThrownBy(() -> RowFiles.form(PARQUET, rows.header(), columns))
                    .isInstanceOf(UnreadableFileException.class)
                    .hasMessageContainingAll(parts);
        }
    }

    private void assertUnreadable(byte[] bytes, String message) throws IOException {
        Path file = Files.write(folder.resolve("file"), bytes);
        assertThatThrownBy(() -> texts(file, RowPosition.START))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContaining(message);
    }

    private static Path file(String name) {
        return FILES.resolve(name + ".parquet");
    }

    private static RowReader open(Path file, RowPosition from) throws IOException {
        RowReader rows = RowFiles.open(PARQUET, file, from);
        while (!rows.seek()) {
            continue;
        }
        return rows;
    }

    private static List<String> texts(Path file, RowPosition from) throws IOException {
        List<String> texts = new ArrayList<>();
        try (RowReader rows = open(file, from)) {
            for (Row row = rows.next(); row != null; row = rows.next()) {
                texts.add(RowFiles.text(PARQUET, rows.header(), row.bytes()));
            }
        }
        return texts;
    }

    private static byte[] answered(Path file, Columns columns) throws IOException {
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
    private static byte[] repeated(int count) throws IOException {
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

    private static JsonNode json(String text) throws IOException {
        return new JsonMapper().readTree(text);
    }

    /** Of a list as Parquet has it, or of an array; null for none. */
    private static List<JsonNode> elements(JsonNode list) {
        if (list == null || list.isNull()) {
            return null;
        }
        List<JsonNode> elements = new ArrayList<>();
        if (list.isArray()) {
            list.forEach(elements::add);
        } else if (list.has("list") && !list.get("list").isNull()) {
            list.get("list").forEach(each -> elements.add(each.get("element")));
        }
        return elements;
    }
}
