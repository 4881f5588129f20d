package io.millrace.operators.corpus.format.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files that {@code csv/make_oddities.py} had Python's csv read. */
class CsvOdditiesTest {
    private static final String ANSWER = "an \"answer\",\nin two; lines\tand | more";

    /** The header first, as everywhere. */
    record Oddity(char delimiter, byte[] bytes, List<List<String>> records) {}

    static Stream<Named<Oddity>> oddities() throws IOException {
        List<Named<Oddity>> oddities = new ArrayList<>();
        try (InputStream in = CsvOdditiesTest.class.getResourceAsStream("/csv/oddities.json")) {
            for (JsonNode each : new JsonMapper().readTree(in)) {
                List<List<String>> records = new ArrayList<>();
                for (JsonNode record : each.get("records")) {
                    List<String> cells = new ArrayList<>();
                    record.forEach(cell -> cells.add(cell.textValue()));
                    records.add(cells);
                }
                Oddity oddity =
                        new Oddity(
                                each.get("delimiter").textValue().charAt(0),
                                each.get("bytes").binaryValue(),
                                records);
                oddities.add(Named.of(each.get("name").textValue(), oddity));
            }
        }
        assertThat(oddities).hasSizeGreaterThanOrEqualTo(30);
        return oddities.stream();
    }

    @ParameterizedTest
    @MethodSource("oddities")
    void cellsAreWhatPythonReads(Oddity oddity) throws IOException {
        assertThat(read(oddity.bytes(), oddity.delimiter(), 1 << 16)).isEqualTo(oddity.records());
        assertThat(read(oddity.bytes(), oddity.delimiter(), 1)).isEqualTo(oddity.records());
    }

    @ParameterizedTest
    @MethodSource("oddities")
    void readingGoesOnBehindEveryRow(Oddity oddity) throws IOException {
        List<Row> all = rows(oddity, RowPosition.START);
        for (int i = 0; i < all.size(); i++) {
            CsvRows rows = open(oddity.bytes(), oddity.delimiter(), 1 << 16, RowPosition.START);
            for (int j = 0; j < i; j++) {
                rows.next();
            }
            assertThat(rows(oddity, rows.position()))
                    .usingRecursiveComparison()
                    .isEqualTo(all.subList(i, all.size()));
        }
    }

    /** What is written is what was read, and one more cell. */
    @ParameterizedTest
    @MethodSource("oddities")
    void anAnswerIsOneMoreCell(Oddity oddity) throws Exception {
        if (oddity.records().isEmpty()) {
            return;
        }
        List<String> names = oddity.records().get(0);
        Columns columns = new Columns(names.get(0), null, "answer", false);
        byte[] header = open(oddity.bytes(), oddity.delimiter(), 17, RowPosition.START).header();
        CsvForm form = new CsvForm(header, oddity.delimiter(), columns);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(form.header());
        List<List<String>> expected = new ArrayList<>();
        expected.add(and(names, names.size(), "answer"));
        List<Row> rows = rows(oddity, RowPosition.START);
        for (int i = 0; i < rows.size(); i++) {
            List<String> cells = oddity.records().get(i + 1);
            if (cells.size() <= names.size()) {
                assertThat(form.read(rows.get(i).bytes()).prompt()).isEqualTo(cells.get(0));
                out.write(form.write(rows.get(i).bytes(), List.of(ANSWER)));
                expected.add(and(cells, names.size(), ANSWER));
            }
        }
        assertThat(read(out.toByteArray(), oddity.delimiter(), 1 << 16)).isEqualTo(expected);
    }

    private static List<String> and(List<String> cells, int size, String last) {
        List<String> all = new ArrayList<>(cells);
        while (all.size() < size) {
            all.add("");
        }
        all.add(last);
        return all;
    }

    private static List<List<String>> read(byte[] bytes, char delimiter, int piece)
            throws IOException {
        CsvRows rows = open(bytes, delimiter, piece, RowPosition.START);
        List<List<String>> records = new ArrayList<>();
        String header = new String(rows.header(), StandardCharsets.UTF_8);
        if (!header.isEmpty()) {
            String bare = header.startsWith("\uFEFF") ? header.substring(1) : header;
            records.add(CsvCells.parse(bare.replaceAll("[\r\n]+$", ""), delimiter).all());
        }
        for (Row row = rows.next(); row != null; row = rows.next()) {
            assertThat(row.fault()).isNull();
            String text = new String(row.bytes(), StandardCharsets.UTF_8);
            records.add(CsvCells.parse(text, delimiter).all());
        }
        return records;
    }

    private static List<Row> rows(Oddity oddity, RowPosition from) throws IOException {
        CsvRows rows = open(oddity.bytes(), oddity.delimiter(), 7, from);
        List<Row> all = new ArrayList<>();
        for (Row row = rows.next(); row != null; row = rows.next()) {
            all.add(row);
        }
        return all;
    }

    /**
     * @param piece so many bytes come at a time
     */
    private static CsvRows open(byte[] bytes, char delimiter, int piece, RowPosition from)
            throws IOException {
        InputStream in =
                new ByteArrayInputStream(bytes) {
                    @Override
                    public synchronized int read(byte[] target, int offset, int length) {
                        return super.read(target, offset, Math.min(length, piece));
                    }
                };
        CsvRows rows = new CsvRows(new RowBytes(in, true), delimiter, from);
        assertThat(rows.seek()).isTrue();
        return rows;
    }
}
