package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RequestLinesTest {
    private static byte[] bytes(Object... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Object part : parts) {
            if (part instanceof Integer one) {
                out.write(one);
            } else {
                out.writeBytes(part.toString().getBytes(StandardCharsets.UTF_8));
            }
        }
        return out.toByteArray();
    }

    /** Number and text of each line, or what is wrong with it; read `step` bytes at a time. */
    private static List<String> read(byte[] file, int step, int most) throws IOException {
        List<String> lines = new ArrayList<>();
        InputStream in =
                new ByteArrayInputStream(file) {
                    @Override
                    public synchronized int read(byte[] to, int at, int length) {
                        return super.read(to, at, Math.min(step, length));
                    }
                };
        try (RequestLines reader = new RequestLines(in, most)) {
            while (reader.next()) {
                try {
                    lines.add(reader.number() + " " + reader.text());
                } catch (RequestLines.BadLineException e) {
                    lines.add(reader.number() + ": " + e.getMessage());
                }
            }
        }
        return lines;
    }

    @Test
    void linesEndAsAnyEditorEndsThem() throws IOException {
        byte[] file = bytes("a\nb\r\nc\r\n\r\n\nd\re\u00e9\u65e5\ud83d\ude00");
        for (int step : new int[] {1, 2, 3, 17, 1 << 20}) {
            assertThat(read(file, step, 100))
                    .as("by " + step)
                    .containsExactly(
                            "1 a", "2 b", "3 c", "4 ", "5 ", "6 d", "7 e\u00e9\u65e5\ud83d\ude00");
        }
        assertThat(read(bytes(), 1, 100)).isEmpty();
        assertThat(read(bytes("a\n"), 1, 100)).containsExactly("1 a");
        assertThat(read(bytes("\n"), 1, 100)).containsExactly("1 ");
        assertThat(read(bytes("a\r"), 1, 100)).containsExactly("1 a");
    }

    @Test
    void aLineThatIsNotUtf8IsToldWithItsByteAndTheNextIsRead() throws IOException {
        byte[] file = bytes("good\ncaf", 0xe9, "\ncut ", 0xe6, 0x97, "\n", 0xff, "\r\ngood");
        for (int step : new int[] {1, 5, 100}) {
            assertThat(read(file, step, 100))
                    .containsExactly(
                            "1 good",
                            "2: it is not UTF-8 at byte 4 (0xe9): convert it first",
                            "3: it is not UTF-8 at byte 5 (0xe6): convert it first",
                            "4: it is not UTF-8 at byte 1 (0xff): convert it first",
                            "5 good");
        }
    }

    @Test
    void ofALineThatIsTooLongOnlyItsLengthIsKept() throws IOException {
        byte[] file =
                bytes("x".repeat(17), "\n", "y".repeat(200_000), "\n", "z".repeat(18), "\nend");
        for (int step : new int[] {1, 97, 1 << 20}) {
            assertThat(read(file, step, 17))
                    .containsExactly(
                            "1 " + "x".repeat(17),
                            "2: it has 200,000 bytes, more than a record may have",
                            "3: it has 18 bytes, more than a record may have",
                            "4 end");
        }
    }
}
