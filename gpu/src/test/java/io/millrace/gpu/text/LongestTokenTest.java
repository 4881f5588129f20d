package io.millrace.gpu.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LongestTokenTest {
    private static final String REPLACE =
            "{'type':'Replace','pattern':{'String':'%s'},'content':'%s'}";

    private final ObjectMapper mapper = new ObjectMapper();
    @TempDir Path folder;

    @Test
    void theLongestTokenBoundsHowFewTokensATextHas() throws IOException {
        assertThat(longest(root -> {})).isEqualTo("<begin>".length());
        HuggingFaceTokenizer tokenizer =
                HuggingFaceTokenizer.open(TestingTokenizerJson.write(folder));
        assertThat(tokenizer.leastTokens("x".repeat(70))).isEqualTo(10);
        assertThat(tokenizer.leastTokens("x".repeat(71))).isEqualTo(11);
        assertThat(tokenizer.leastTokens("")).isZero();
        String[] parts = {
            "hello", " wor", "<end>", "<begin>", "\u20AC", "\uD83D\uDE00", " ", "\uD83D"
        };
        Random random = new Random(54);
        for (int i = 0; i < 1000; i++) {
            StringBuilder text = new StringBuilder();
            for (int length = random.nextInt(54); length > 0; length--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            assertThat(tokenizer.leastTokens(text.toString()))
                    .isLessThanOrEqualTo(tokenizer.encodeRendered(text.toString()).length);
        }
    }

    @Test
    void nothingBoundsATokenizerThatShortensTexts() throws IOException {
        assertThat(longest(root -> set(root, "normalizer", "{'type':'NFC'}"))).isZero();
        assertThat(longest(root -> set(root, "normalizer", "{'type':'Strip'}"))).isZero();
        assertThat(longest(root -> set(root, "normalizer", REPLACE.formatted("ab", "c")))).isZero();
        assertThat(longest(root -> set(root, "normalizer", REPLACE.formatted(" ", "_"))))
                .isPositive();
        assertThat(
                        longest(
                                root ->
                                        set(
                                                root,
                                                "normalizer",
                                                "{'type':'Sequence','normalizers':[{'type':'Prepend',"
                                                        + "'prepend':'_'},{'type':'Lowercase'}]}")))
                .isZero();
        assertThat(longest(root -> set(root, "pre_tokenizer", "{'type':'Whitespace'}"))).isZero();
        assertThat(
                        longest(
                                root ->
                                        set(
                                                root,
                                                "pre_tokenizer",
                                                "{'type':'Sequence','pretokenizers':[{'type':'Split',"
                                                        + "'pattern':{'String':' '},'behavior':"
                                                        + "'Removed','invert':false},{'type':"
                                                        + "'ByteLevel'}]}")))
                .isZero();
        for (String side : new String[] {"lstrip", "rstrip"}) {
            assertThat(
                            longest(
                                    root ->
                                            ((ObjectNode) root.path("added_tokens").get(1))
                                                    .put(side, true)))
                    .isZero();
        }
    }

    @Test
    void nothingBoundsATokenizerWithUnknownTokens() throws IOException {
        assertThat(longest(root -> ((ObjectNode) root.path("model")).put("type", "WordPiece")))
                .isZero();
        assertThat(longest(root -> ((ObjectNode) root.path("model").path("vocab")).remove("A")))
                .isZero();
        assertThat(longest(root -> root.putNull("pre_tokenizer"))).isZero();
        assertThat(
                        longest(
                                root -> {
                                    root.putNull("pre_tokenizer");
                                    ObjectNode model = (ObjectNode) root.path("model");
                                    model.put("byte_fallback", true);
                                    ObjectNode vocabulary = model.putObject("vocab");
                                    for (int b = 0; b < 256; b++) {
                                        vocabulary.put("<0x%02X>".formatted(b), b);
                                    }
                                    vocabulary.put("\u2581\u2581\u2581", 256);
                                }))
                .isEqualTo(9);
    }

    private void set(ObjectNode root, String name, String json) {
        try {
            root.set(name, mapper.readTree(json.replace('\'', '"')));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private int longest(Consumer<ObjectNode> change) throws IOException {
        Path file = TestingTokenizerJson.write(folder);
        ObjectNode root = (ObjectNode) mapper.readTree(Files.readString(file));
        change.accept(root);
        return LongestToken.bytesOf(mapper.writeValueAsString(root));
    }
}
