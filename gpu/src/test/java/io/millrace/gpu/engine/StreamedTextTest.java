package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    void noPieceEndsWithinAPair() {
        List<String> pieces = new ArrayList<>();
        String text = "a\ud83d\ude00b\ud83d\ude00\ud83d\ude00c";
        for (String stop : List.of("xx", "xxx", "xxxx")) {
            pieces.clear();
            StreamedText stream = new StreamedText(tokenizer, List.of(stop), pieces::add);
            for (int id : tokenizer.encode(text)) {
                stream.add(id);
            }
            stream.finish(text);
            assertThat(String.join("", pieces)).isEqualTo(text);
            for (String piece : pieces) {
                assertThat(piece.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff))
                        .as("with %s: %s", stop, pieces)
                        .isTrue();
            }
        }
    }

    /** A run of byte tokens is text or not as a whole, so none of it is shown before its end. */
    @Test
    void aRunOfByteTokensIsShownAsTheResultHasIt(@TempDir Path folder) throws IOException {
        Tokenizer fallback = HuggingFaceTokenizer.open(byteFallback(folder));
        int[] newlineThenHalf = {'\n', 0xf0, 0x9f, WORD};
        assertThat(fallback.decode(newlineThenHalf)).isEqualTo("\ufffd\ufffd\ufffd word");
        for (int seed = 0; seed < 300; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int[] ids = new int[seed % 54 + 1];
            int at = 0;
            while (at < ids.length) {
                byte[] next =
                        switch (random.nextInt(5)) {
                            case 0 -> "\ud83d\ude00".getBytes(StandardCharsets.UTF_8);
                            case 1 -> new byte[] {(byte) random.nextInt(256)};
                            case 2 -> new byte[] {'\n'};
                            case 3 -> null;
                            default -> new byte[0];
                        };
                if (next == null || next.length == 0) {
                    ids[at++] = next == null ? SPECIAL : WORD;
                    continue;
                }
                for (int i = 0; i < next.length && at < ids.length; i++) {
                    ids[at++] = next[i] & 0xff;
                }
            }
            String whole = fallback.decode(ids);
            shown.setLength(0);
            StreamedText stream = new StreamedText(fallback, List.of(), shown::append);
            for (int id : ids) {
                stream.add(id);
                assertThat(whole).as("seed %d", seed).startsWith(shown());
            }
            stream.finish(whole);
            assertThat(shown()).as("seed %d", seed).isEqualTo(whole);
        }
    }

    private static final int WORD = 256;
    private static final int SPECIAL = 257;

    /** Tokens 0 to 255 are bytes, 256 is a word: a tokenizer of Llama 2's kind. */
    private static Path byteFallback(Path folder) throws IOException {
        StringBuilder vocabulary = new StringBuilder();
        for (int b = 0; b < 256; b++) {
            vocabulary.append("\"<0x%02X>\":%d,".formatted(b, b));
        }
        return Files.writeString(
                folder.resolve("tokenizer.json"),
                """
                {"version":"1.0","added_tokens":[{"id":257,"content":"<s>","single_word":false,
                  "lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":null,"pre_tokenizer":null,
                "post_processor":null,"decoder":{"type":"Sequence","decoders":[
                  {"type":"Replace","pattern":{"String":"\u2581"},"content":" "},
                  {"type":"ByteFallback"},{"type":"Fuse"},
                  {"type":"Strip","content":" ","start":1,"stop":0}]},
                "model":{"type":"BPE","byte_fallback":true,"merges":[],
                  "vocab":{%s"\u2581word":256}}}
                """
                        .formatted(vocabulary));
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
