package io.millrace.operators.corpus.format.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No barrier waits for the end of a record, however far it is. */
class LongRecordTest {
    private static final int MIB = 1 << 20;

    @TempDir Path folder;

    @Test
    void aLongLineIsReadInSteps() throws IOException {
        String line = "\"" + "x".repeat(5 * MIB) + "\"";
        assertPaused("a.jsonl", "{}\n", line + "\n", "[]\n", 5);
    }

    @Test
    void aLongCellIsReadInSteps() throws IOException {
        String cell = "1,\"" + "x\n".repeat(3 * MIB) + "\"\n";
        assertPaused("a.csv", "n,text\n2,two\n", cell, "3,three\n", 6);
    }

    @Test
    void aCellThatIsNeverClosedIsReadInSteps() throws IOException {
        assertPaused("a.csv", "n,text\n2,two\n", "1,\"" + "x".repeat(20 * MIB), "", 20);
    }

    @Test
    void linesOfNothingArePassedInSteps() throws IOException {
        Path file = folder.resolve("a.jsonl");
        Files.writeString(file, "{}\n" + "\n".repeat(5 * MIB) + "[]\n");
        try (RowReader rows = open(file, RowPosition.START)) {
            assertThat(rows.next().line()).isEqualTo(1);
            long before = rows.position().offset();
            int pauses = 0;
            Row row = rows.next();
            while (row == Row.PENDING) {
                assertThat(rows.position().offset()).isGreaterThan(before);
                before = rows.position().offset();
                pauses++;
                row = rows.next();
            }
            assertThat(pauses).isBetween(4, 6);
            assertThat(row.line()).isEqualTo(5L * MIB + 2);
        }
    }

    @Test
    void aHeaderWithoutAnEndIsNotReadToTheEndOfTheFile() throws IOException {
        Path file = folder.resolve("a.csv");
        Files.writeString(file, "n,\"" + "x".repeat(17 * MIB));
        assertThatThrownBy(() -> open(file, RowPosition.START))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageStartingWith("its header has no end");
    }

    /** The row between two others; wherever reading was paused, it goes on with the same row. */
    private void assertPaused(String name, String before, String record, String after, int pauses)
            throws IOException {
        Path file = folder.resolve(name);
        Files.writeString(file, before + record + after);
        try (RowReader rows = open(file, RowPosition.START)) {
            assertThat(rows.next().number()).isEqualTo(1);
            RowPosition start = rows.position();
            assertThat(start.offset()).isEqualTo(before.getBytes(UTF_8).length);
            int found = 0;
            Row row = rows.next();
            while (row == Row.PENDING) {
                assertThat(rows.position()).isEqualTo(start);
                found++;
                row = rows.next();
            }
            assertThat(found).isBetween(pauses - 1, pauses + 1);
            assertThat(row.number()).isEqualTo(2);
            try (RowReader again = open(file, start)) {
                Row same = again.next();
                while (same == Row.PENDING) {
                    same = again.next();
                }
                assertThat(same.bytes()).isEqualTo(row.bytes());
                assertThat(same.line()).isEqualTo(row.line());
                assertThat(same.fault()).isEqualTo(row.fault());
            }
            assertThat(rows.next() == null).isEqualTo(after.isEmpty());
        }
    }

    private static RowReader open(Path file, RowPosition from) throws IOException {
        FileFormat format = FileFormat.of(file.toString(), null, null);
        RowReader rows = RowFiles.open(format, file, from);
        while (!rows.seek()) {
            continue;
        }
        return rows;
    }
}
