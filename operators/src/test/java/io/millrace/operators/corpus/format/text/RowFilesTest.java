package io.millrace.operators.corpus.format.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.format.compression.Compressions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowFilesTest {
    private static final FileFormat JSONL = FileFormat.of("a.jsonl", null, null);
    private static final FileFormat ZIPPED = FileFormat.of("a.jsonl.gz", null, null);

    @TempDir Path folder;

    @Test
    void aNameTellsTheFormat() {
        assertThat(JSONL).isEqualTo(new FileFormat(FileFormat.Rows.JSONL, ',', Compression.NONE));
        assertThat(FileFormat.of("x.ndjson.gz", null, null))
                .isEqualTo(new FileFormat(FileFormat.Rows.JSONL, ',', Compression.GZIP));
        assertThat(FileFormat.of("x.csv", null, null))
                .isEqualTo(new FileFormat(FileFormat.Rows.CSV, ',', Compression.NONE));
        assertThat(FileFormat.of("x.tsv.gz", null, null))
                .isEqualTo(new FileFormat(FileFormat.Rows.CSV, '\t', Compression.GZIP));
        assertThat(FileFormat.of("x.csv.zst", null, null).compression())
                .isEqualTo(Compression.ZSTD);
        assertThat(FileFormat.of("x.jsonl.xz", null, null).compression()).isEqualTo(Compression.XZ);
        assertThat(FileFormat.of("x.csv", null, ';'))
                .isEqualTo(new FileFormat(FileFormat.Rows.CSV, ';', Compression.NONE));
        assertThat(FileFormat.of("x.txt", FileFormat.Rows.JSONL, null)).isEqualTo(JSONL);
        assertThat(FileFormat.of("x.orc", null, null)).isNull();
    }

    @Test
    void linesAreRowsAndBlankOnesAreNot() throws IOException {
        Path file = write("\uFEFF{\"a\":1}\r\n\n  \t\r\n{\"b\":\r2}\n{\"c\":3}".getBytes(UTF_8));
        try (RowReader rows = open(JSONL, file, RowPosition.START)) {
            assertThat(rows.header()).isEmpty();
            assertRow(rows.next(), 1, 1, "{\"a\":1}");
            assertRow(rows.next(), 2, 4, "{\"b\":\r2}");
            RowPosition position = rows.position();
            assertRow(rows.next(), 3, 5, "{\"c\":3}");
            assertThat(rows.next()).isNull();
            try (RowReader rest = open(JSONL, file, position)) {
                assertRow(rest.next(), 3, 5, "{\"c\":3}");
                assertThat(rest.next()).isNull();
            }
        }
    }

    @Test
    void aRowThatIsTooLongIsAFaultAndTheNextOneIsRead() throws IOException {
        byte[] bytes = new byte[RowBytes.MAX_ROW_BYTES + 2 + 3];
        Arrays.fill(bytes, (byte) 'x');
        bytes[RowBytes.MAX_ROW_BYTES + 1] = '\n';
        try (RowReader rows = open(JSONL, write(bytes), RowPosition.START)) {
            Row first = whole(rows);
            assertThat(first.fault()).contains("16,777,217 bytes", "16,777,216");
            assertThat(first.bytes()).hasSize(64 << 10);
            assertRow(rows.next(), 2, 2, "xxx");
        }
        bytes[RowBytes.MAX_ROW_BYTES] = '\n';
        try (RowReader rows = open(JSONL, write(bytes), RowPosition.START)) {
            assertThat(whole(rows).fault()).isNull();
        }
    }

    private static Row whole(RowReader rows) throws IOException {
        Row row = rows.next();
        while (row == Row.PENDING) {
            row = rows.next();
        }
        return row;
    }

    @Test
    void anOpenQuoteIsAFaultOfItsRow() throws IOException {
        FileFormat csv = FileFormat.of("a.csv", null, null);
        Path file = write("a,b\n1,2\n3,\"4\n5,6\n".getBytes(UTF_8));
        try (RowReader rows = open(csv, file, RowPosition.START)) {
            assertRow(rows.next(), 1, 2, "1,2");
            Row open = rows.next();
            assertThat(open.fault()).contains("never closed");
            assertThat(open.line()).isEqualTo(3);
            assertThat(rows.next()).isNull();
        }
        assertThatThrownBy(
                        () -> open(csv, write("\"a,b\n1,2\n".getBytes(UTF_8)), RowPosition.START))
                .isInstanceOf(UnreadableFileException.class)
                .hasMessageContaining("header has no end");
    }

    @Test
    void gzipOfManyMembersWithEveryHeaderFieldIsRead() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(gzip("{\"a\":1}\n{\"b\""));
        byte[] plain = gzip(":2}\n");
        // Flags: header CRC, extra, name, comment.
        bytes.write(new byte[] {31, (byte) 139, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 0});
        bytes.write(new byte[] {3, 0, 'x', 'y', 'z', 'n', 0, 'c', 'c', 0, 9, 9});
        bytes.write(plain, 10, plain.length - 10);
        bytes.write(gzip(""));
        bytes.write(gzip("{\"c\":3}\n"));
        bytes.write(new byte[97]);
        Path file = write(bytes.toByteArray());
        assertThat(read(ZIPPED, file)).containsExactly("{\"a\":1}", "{\"b\":2}", "{\"c\":3}");
    }

    @Test
    void everyCutOfAGzipFileIsNoticed() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 54; i++) {
            text.append("{\"n\":").append(i).append("}\n");
        }
        byte[] first = gzip(text.toString());
        byte[] second = gzip(text.toString());
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        for (int length = 0; length < both.length; length++) {
            if (length != first.length) {
                Path file = write(Arrays.copyOf(both, length));
                assertThatThrownBy(() -> read(ZIPPED, file))
                        .as("%d of %d bytes", length, both.length)
                        .isInstanceOf(UnreadableFileException.class)
                        .hasMessage("its gzip data is truncated");
            }
        }
        assertThat(read(ZIPPED, write(both))).hasSize(108);
        for (int broken : new int[] {0, 2, first.length - 5, first.length - 1, first.length + 1}) {
            byte[] damaged = both.clone();
            damaged[broken] ^= 0x41;
            Path file = write(damaged);
            assertThatThrownBy(() -> read(ZIPPED, file))
                    .as("byte %d", broken)
                    .isInstanceOf(UnreadableFileException.class);
        }
    }

    @Test
    void readingOfACompressedFileGoesOnBehindEveryRow() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 17; i++) {
            text.append("{\"n\":").append(i).append("}\n");
        }
        Path file = write(gzip(text.toString()));
        List<String> all = read(ZIPPED, file);
        try (RowReader rows = open(ZIPPED, file, RowPosition.START)) {
            for (int i = 0; rows.next() != null; i++) {
                try (RowReader rest = open(ZIPPED, file, rows.position())) {
                    assertThat(texts(rest)).isEqualTo(all.subList(i + 1, all.size()));
                }
            }
        }
    }

    @Test
    void readingGoesOnFarBehindTheBeginning() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 54; i++) {
            text.append("{\"n\":")
                    .append(i)
                    .append(",\"x\":\"")
                    .append("y".repeat(9973))
                    .append("\"}\n");
        }
        byte[] bytes = text.toString().getBytes(UTF_8);
        for (Compression compression : Compression.values()) {
            FileFormat format = new FileFormat(FileFormat.Rows.JSONL, ',', compression);
            ByteArrayOutputStream compressed = new ByteArrayOutputStream();
            try (OutputStream out = Compressions.compress(compressed, compression)) {
                out.write(bytes);
            }
            Path file = write(compressed.toByteArray());
            List<String> all = read(format, file);
            assertThat(all).hasSize(54);
            try (RowReader rows = open(format, file, RowPosition.START)) {
                for (int i = 0; rows.next() != null; i++) {
                    try (RowReader rest = open(format, file, rows.position())) {
                        assertThat(texts(rest)).isEqualTo(all.subList(i + 1, all.size()));
                    }
                }
            }
            RowPosition behind = new RowPosition(bytes.length + 1L, 54, 54);
            assertThatThrownBy(() -> open(format, file, behind))
                    .isInstanceOf(UnreadableFileException.class)
                    .hasMessageContaining("it ends at byte");
        }
    }

    /** A barrier comes between two steps. */
    @Test
    void goingFarIntoACompressedFileIsManySmallSteps() throws IOException {
        String line = "{\"x\":\"%s\"}\n".formatted("y".repeat(9973));
        Path file = write(gzip(line.repeat(1023)));
        RowPosition position = new RowPosition(1017L * line.length(), 1017, 1017);
        try (RowReader rows = RowFiles.open(ZIPPED, file, position)) {
            int steps = 1;
            while (!rows.seek()) {
                assertThat(rows.position()).isEqualTo(position);
                steps++;
            }
            assertThat(steps).isEqualTo((int) (position.offset() / RowBytes.STEP) + 1);
            assertThat(texts(rows)).hasSize(6);
            assertThat(rows.position())
                    .isEqualTo(new RowPosition(1023L * line.length(), 1023, 1023));
        }
        Path plain = write(line.repeat(1023).getBytes(UTF_8));
        try (RowReader rows = RowFiles.open(JSONL, plain, position)) {
            assertThat(rows.seek()).as("where a seek is enough").isTrue();
            assertThat(texts(rows)).hasSize(6);
        }
    }

    private static RowReader open(FileFormat format, Path file, RowPosition from)
            throws IOException {
        RowReader rows = RowFiles.open(format, file, from);
        while (!rows.seek()) {
            continue;
        }
        return rows;
    }

    private static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(UTF_8));
        }
        return bytes.toByteArray();
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("file"), bytes);
    }

    private static List<String> read(FileFormat format, Path file) throws IOException {
        try (RowReader rows = open(format, file, RowPosition.START)) {
            return texts(rows);
        }
    }

    private static List<String> texts(RowReader rows) throws IOException {
        List<String> texts = new ArrayList<>();
        for (Row row = rows.next(); row != null; row = rows.next()) {
            texts.add(new String(row.bytes(), UTF_8));
        }
        return texts;
    }

    private static void assertRow(Row row, long number, long line, String text) {
        assertThat(row.fault()).isNull();
        assertThat(row.number()).isEqualTo(number);
        assertThat(row.line()).isEqualTo(line);
        assertThat(new String(row.bytes(), UTF_8)).isEqualTo(text);
    }
}
