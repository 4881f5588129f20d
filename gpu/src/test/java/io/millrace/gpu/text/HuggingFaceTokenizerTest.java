package io.millrace.gpu.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HuggingFaceTokenizerTest {
    @TempDir static Path folder;
    private static HuggingFaceTokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        tokenizer = HuggingFaceTokenizer.open(TestingTokenizerJson.write(folder));
    }

    @Test
    void mergesAndAddsTheSpecialTokensOfThePostProcessor() {
        int hello = TestingTokenizerJson.BYTES + 3;
        assertThat(tokenizer.encode("hello")).containsExactly(TestingTokenizerJson.BEGIN, hello);
        assertThat(tokenizer.encode("")).containsExactly(TestingTokenizerJson.BEGIN);
    }

    @Test
    void cutsNothingWhateverTheFileSays() {
        assertThat(tokenizer.encode("abcdefghijklmnop")).hasSize(17);
    }

    @Test
    void textComesBackAsItWas() {
        List<String> texts =
                List.of(
                        "hello world",
                        "  two  spaces\n\ttabs ",
                        "Grüße, 東京, \uD83D\uDE00!",
                        "a\0b",
                        "\uFFFD");
        for (String text : texts) {
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        }
    }

    @Test
    void halfASurrogatePairBecomesTheReplacementCharacter() {
        assertThat(tokenizer.decode(tokenizer.encode("a\uD83Db"))).isEqualTo("a\uFFFDb");
        assertThat(tokenizer.decode(tokenizer.encode("\uDE00\uD83D"))).isEqualTo("\uFFFD\uFFFD");
    }

    @Test
    void specialTokensAreLeftOutOfText() {
        int[] ids = {'h', TestingTokenizerJson.END_OF_TEXT, 'i'};
        assertThat(tokenizer.decode(ids)).isEqualTo("hi");
    }

    @Test
    void knowsHowItsSpecialTokensAreWritten() {
        assertThat(tokenizer.specialTokens())
                .isEqualTo(
                        Map.of(
                                TestingTokenizerJson.BEGIN,
                                "<begin>",
                                TestingTokenizerJson.END_OF_TEXT,
                                "<end>"));
    }

    @Test
    void bytesThatAreNoUtf8BecomeTheReplacementCharacter() {
        assertThat(tokenizer.decode(new int[] {'a', 0xFF, 'b', 0xC3})).isEqualTo("a\uFFFDb\uFFFD");
        assertThat(tokenizer.decode(new int[0])).isEmpty();
    }

    @Test
    void manyThreadsMayUseIt() {
        String text = "hello world ".repeat(50);
        int[] expected = tokenizer.encode(text);
        boolean equal =
                IntStream.range(0, 200)
                        .parallel()
                        .allMatch(
                                i ->
                                        Arrays.equals(expected, tokenizer.encode(text))
                                                && text.equals(tokenizer.decode(expected)));
        assertThat(equal).isTrue();
    }

    @Test
    void aMissingOrBrokenFileIsOneSentence() throws IOException {
        Path missing = folder.resolve("missing.json");
        assertThatThrownBy(() -> HuggingFaceTokenizer.open(missing))
                .isInstanceOf(IOException.class)
                .hasMessage("The model has no tokenizer: " + missing + " is missing.");
        Path broken = folder.resolve("broken.json");
        Files.write(broken, "{\"model\": 5}".getBytes(StandardCharsets.UTF_8));
        assertThatThrownBy(() -> HuggingFaceTokenizer.open(broken))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(broken + " is not a tokenizer that this library reads: ");
    }
}
