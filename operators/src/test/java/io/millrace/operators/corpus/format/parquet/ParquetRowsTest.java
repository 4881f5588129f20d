package io.millrace.operators.corpus.format.parquet;

import static io.millrace.operators.corpus.format.parquet.ParquetSamples.FILES;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.PARQUET;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.ROWS;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.file;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.json;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.open;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.repeated;
import static io.millrace.operators.corpus.format.parquet.ParquetSamples.texts;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows of files that other programs wrote. */
class ParquetRowsTest {
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
