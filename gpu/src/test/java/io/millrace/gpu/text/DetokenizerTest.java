package io.millrace.gpu.text;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DetokenizerTest {
    @TempDir static Path folder;
    private static Tokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        tokenizer = HuggingFaceTokenizer.open(TestingTokenizerJson.write(folder));
    }

    @Test
    void holdsBackACharacterUntilItIsComplete() {
        assertThat(pieces(bytes("a€b"))).containsExactly("a", "", "", "€", "b", "");
        assertThat(pieces(bytes("\uD83D\uDE00"))).containsExactly("", "", "", "\uD83D\uDE00", "");
    }

    @Test
    void giveOutWhatComesBeforeAnIncompleteCharacter() {
        // One token "or", then two bytes of three, then something else.
        int or = TestingTokenizerJson.BYTES + 5;
        assertThat(pieces(new int[] {or, 0xE2, 0x82, or}))
                .containsExactly("or", "", "", "\uFFFDor", "");
    }

    @Test
    void flushesAnIncompleteEnd() {
        assertThat(pieces(new int[] {'a', 0xE2, 0x82})).containsExactly("a", "", "", "\uFFFD");
    }

    @Test
    void specialTokensGiveNothing() {
        int end = TestingTokenizerJson.END_OF_TEXT;
        assertThat(pieces(new int[] {'a', end, 0xC3, end, 0xA9}))
                .containsExactly("a", "", "", "", "é", "");
    }

    @ParameterizedTest
    @ValueSource(ints = {0xFF, 0xC3, 263})
    void tokensThatNeverGiveTextTakeLinearTime(int token) {
        assertThat(TestingTokenizerJson.END_OF_TEXT).isEqualTo(263);
        long[] decoded = new long[1];
        Tokenizer counting =
                new Tokenizer() {
                    @Override
                    public int[] encode(String text) {
                        return tokenizer.encode(text);
                    }

                    @Override
                    public String decode(int[] ids) {
                        decoded[0] += ids.length;
                        return tokenizer.decode(ids);
                    }
                };
        int count = 5_000;
        int[] tokens = new int[count];
        Arrays.fill(tokens, token);
        Detokenizer detokenizer = new Detokenizer(counting);
        StringBuilder text = new StringBuilder();
        for (int each : tokens) {
            text.append(detokenizer.add(each));
        }
        text.append(detokenizer.add('a')).append(detokenizer.flush());
        assertThat(text.toString()).isEqualTo(tokenizer.decode(tokens) + "a");
        assertThat(decoded[0]).isLessThan(20L * count);
    }

    @Test
    void allPiecesTogetherEqualTheWholeDecoding() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            int[] tokens = new int[97];
            for (int i = 0; i < tokens.length; i++) {
                // Mostly bytes above 127, so that all kinds of broken sequences come up.
                tokens[i] =
                        random.nextInt(4) == 0
                                ? random.nextInt(TestingTokenizerJson.VOCABULARY)
                                : 0x80 + random.nextInt(0x80);
            }
            assertThat(String.join("", pieces(tokens))).isEqualTo(tokenizer.decode(tokens));
        }
    }

    @Test
    void aLeadingSpaceThatTheTokenizerDropsIsDroppedOnce() {
        // As tokenizers of the SentencePiece kind do: each token is a word with a space before it.
        Tokenizer words = new WordTokenizer();
        Detokenizer detokenizer = new Detokenizer(words);
        StringBuilder text = new StringBuilder();
        for (int token = 0; token < 17; token++) {
            text.append(detokenizer.add(token));
        }
        text.append(detokenizer.flush());
        assertThat(text.toString()).startsWith("w0 w1 w2").endsWith("w16");
    }

    private static List<String> pieces(int[] tokens) {
        Detokenizer detokenizer = new Detokenizer(tokenizer);
        List<String> pieces = new ArrayList<>();
        for (int token : tokens) {
            pieces.add(detokenizer.add(token));
        }
        pieces.add(detokenizer.flush());
        return pieces;
    }

    private static int[] bytes(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[utf8.length];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = utf8[i] & 0xFF;
        }
        return tokens;
    }

    private static final class WordTokenizer implements Tokenizer {
        @Override
        public int[] encode(String text) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String decode(int[] tokenIds) {
            StringBuilder text = new StringBuilder();
            for (int token : tokenIds) {
                text.append(" w").append(token);
            }
            return text.substring(1);
        }
    }
}
