package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StreamedTextTest {
    private static final int END = 256;

    /**
     * A token is a byte; 256 is an end token that is written, as one that no file calls special.
     */
    private static final class Bytes implements Tokenizer {
        private long decoded;

        @Override
        public int[] encode(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = bytes[i] & 0xff;
            }
            return ids;
        }

        @Override
        public String decode(int[] ids) {
            decoded += ids.length;
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (int id : ids) {
                if (id == END) {
                    bytes.writeBytes("</s>".getBytes(StandardCharsets.UTF_8));
                } else {
                    bytes.write(id);
                }
            }
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }

    private final Bytes tokenizer = new Bytes();
    private final StringBuilder shown = new StringBuilder();

    private String shown() {
        return shown.toString();
    }

    private StreamedText stream(String text, String... stop) {
        StreamedText stream = new StreamedText(tokenizer, List.of(stop), shown::append);
        for (int id : tokenizer.encode(text)) {
            stream.add(id);
        }
        return stream;
    }

    @Test
    void theWorkForATokenDoesNotGrowWithTheAnswer() {
        SplittableRandom random = new SplittableRandom(17);
        StringBuilder text = new StringBuilder();
        while (text.length() < 16_000) {
            text.appendCodePoint(random.nextInt(5) > 0 ? 'a' + random.nextInt(26) : 0x1f600);
        }
        StreamedText stream = stream(text.toString(), "none of it");
        int tokens = tokenizer.encode(text.toString()).length;
        assertThat(tokenizer.decoded).isLessThan(20L * tokens);
        stream.finish(text.toString());
        assertThat(shown()).isEqualTo(text.toString());
    }

    @Test
    void anEndTokenIsNeverShown() {
        StreamedText stream = stream("a word");
        stream.add(END);
        assertThat(shown()).isEqualTo("a word");
        stream.finish("a word");
        assertThat(shown()).isEqualTo("a word");
    }

    @Test
    void textIsShownOneTokenLaterAndNeverHalfACharacter() {
        StreamedText stream = new StreamedText(tokenizer, List.of(), shown::append);
        int[] ids = tokenizer.encode("a\u65e5b");
        String[] after = {"", "a", "a", "a", "a\u65e5"};
        for (int i = 0; i < ids.length; i++) {
            stream.add(ids[i]);
            assertThat(shown()).as("after token " + i).isEqualTo(after[i]);
        }
        stream.finish("a\u65e5b");
        assertThat(shown()).isEqualTo("a\u65e5b");
    }

    @Test
    void noPartOfAStopStringIsShown() {
        for (String stop : List.of("E", "END", "\nEND\n")) {
            shown.setLength(0);
            StreamedText stream = stream("text " + stop, stop, "x");
            assertThat("text ").startsWith(shown());
            stream.finish("text ");
            assertThat(shown()).isEqualTo("text ");
        }
    }

    @Test
    void whatIsNotUtf8IsShownAsTheResultHasIt() {
        StreamedText stream = new StreamedText(tokenizer, List.of(), shown::append);
        int[] ids = {'a', 0xe6, 0x97, 'b', 0xff};
        for (int id : ids) {
            stream.add(id);
        }
        String text = new Bytes().decode(ids);
        stream.finish(text);
        assertThat(shown()).isEqualTo(text);
    }
}
