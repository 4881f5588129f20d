package io.millrace.gpu.text;

import static io.millrace.gpu.text.TestingTokenizerJson.BEGIN;
import static io.millrace.gpu.text.TestingTokenizerJson.BYTES;
import static io.millrace.gpu.text.TestingTokenizerJson.END_OF_TEXT;
import static io.millrace.gpu.text.TestingTokenizerJson.VOCABULARY;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Expected ids and texts: {@code AutoTokenizer} of transformers 5.17.0. */
class TokenizerJsonTest {

    @TempDir Path folder;
    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = TestingTokenizerJson.write(folder);
    }

    private void config(String json) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), json);
    }

    private TokenizerJson read() throws IOException {
        return TokenizerJson.read(file, TokenizerConfig.read(folder), VOCABULARY + 8);
    }

    private int[] rendered(String text) throws IOException {
        return HuggingFaceTokenizer.open(read()).encodeRendered(text);
    }

    private String decoded(int... ids) throws IOException {
        return HuggingFaceTokenizer.open(read()).decode(ids);
    }

    @Test
    void aFileThatNothingIsAddedToIsReadAsItIs() throws IOException {
        config("{\"eos_token\": \"<end>\", \"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
        assertThat(read().text()).isEqualTo(Files.readString(file));
        assertThat(read().fingerprint()).isEmpty();
        assertThat(read().notices()).isEmpty();
    }

    @Test
    void tokensOfAddedTokensDecoderAreTokens() throws IOException {
        config(
                """
                {"added_tokens_decoder": {"265": {"content": "<tool>", "special": true},
                                          "264": {"content": "<x>", "special": false}}}
                """);
        assertThat(rendered("h<tool>i<x>")).containsExactly('h', 265, 'i', 264);
        assertThat(decoded('h', 265, 'i', 264)).isEqualTo("hi<x>");
        assertThat(read().fingerprint()).hasSize(24);
        assertThat(read().id("<tool>")).isEqualTo(OptionalInt.of(265));
    }

    @Test
    void anAddedTokenHasTheNextIdWhateverItsFileSays() throws IOException {
        config(
                """
                {"added_tokens_decoder": {"330": {"content": "<tool>"},
                                          "100": {"content": "<x>"}}}
                """);
        assertThat(rendered("<tool><x>")).containsExactly(265, 264);
    }

    @Test
    void theDecodersFlagsGoBeforeTheTokenizers() throws IOException {
        config(
                """
                {"added_tokens_decoder": {"263": {"content": "<end>", "lstrip": true, "special": true}}}
                """);
        assertThat(rendered("h  <end>i")).containsExactly('h', END_OF_TEXT, 'i');
    }

    @Test
    void aClassThatRebuildsTheTokenizerTakesTheDecodersWordForWhatIsSpecial() throws IOException {
        String decoder =
                "\"added_tokens_decoder\": {\"263\": {\"content\": \"<end>\", \"special\": false}}";
        config("{" + decoder + "}");
        assertThat(decoded('h', END_OF_TEXT)).isEqualTo("h");
        config("{\"tokenizer_class\": \"Qwen2Tokenizer\", " + decoder + "}");
        assertThat(decoded('h', END_OF_TEXT)).isEqualTo("h<end>");
    }

    @Test
    void aNamedTokenIsSpecialWhereverItComesFrom() throws IOException {
        // Of the vocabulary, of no file, and one that tokenizer.json has as not special.
        config("{\"eos_token\": \"ll\", \"pad_token\": \"<pad>\"}");
        assertThat(rendered("hello<pad>")).containsExactly(BYTES, BYTES + 1, 'o', VOCABULARY);
        assertThat(decoded('a', BYTES + 1, VOCABULARY)).isEqualTo("a");

        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        root.withArray("added_tokens").forEach(token -> ((ObjectNode) token).put("special", false));
        Files.writeString(file, root.toString());
        config("{\"eos_token\": \"<end>\"}");
        assertThat(decoded('a', END_OF_TEXT, BEGIN)).isEqualTo("a<begin>");
    }

    @Test
    void extraTokensAreSpecialAsWell() throws IOException {
        for (String key : new String[] {"additional_special_tokens", "extra_special_tokens"}) {
            config("{\"%s\": [\"<tool>\", {\"content\": \"<x>\"}]}".formatted(key));
            assertThat(rendered("h<tool>i<x>")).containsExactly('h', 264, 'i', 265);
            assertThat(decoded('h', 264, 'i', 265)).isEqualTo("hi");
        }
        config("{\"extra_special_tokens\": {\"tool_token\": \"<tool>\"}}");
        assertThat(rendered("h<tool>")).containsExactly('h', 264);
        assertThat(TokenizerConfig.read(folder).specialTokens())
                .containsEntry("tool_token", "<tool>");
    }

    @Test
    void addedTokensJsonCountsWhereTheConfigHasNoDecoder() throws IOException {
        Files.writeString(folder.resolve("added_tokens.json"), "{\"<tool>\": 264}");
        assertThat(rendered("h<tool>")).containsExactly('h', 264);
        assertThat(decoded('h', 264)).isEqualTo("h<tool>");
        config("{\"added_tokens_decoder\": {}}");
        assertThat(rendered("<tool>")).hasSize(6);
    }

    @Test
    void aClassesTokenThatTheModelHasNoIdForIsNone() throws IOException {
        config("{\"tokenizer_class\": \"GPT2Tokenizer\"}");
        assertThat(rendered("<|endoftext|>")).containsExactly(VOCABULARY);
        TokenizerConfig config = TokenizerConfig.read(folder);
        TokenizerJson full = TokenizerJson.read(file, config, VOCABULARY);
        assertThat(full.id("<|endoftext|>")).isEmpty();
        assertThat(full.fingerprint()).isEmpty();
        assertThat(config.specialTokens()).containsEntry("eos_token", "<|endoftext|>");
    }

    @Test
    void dropoutIsOffAndSaid() throws IOException {
        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        root.withObject("/model").put("dropout", 0.9);
        Files.writeString(file, root.toString());
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.open(read());
        for (int i = 0; i < 50; i++) {
            assertThat(tokenizer.encodeRendered("hello")).containsExactly(BYTES + 3);
        }
        assertThat(read().notices())
                .containsExactly(
                        file
                                + " has model.dropout = 0.9, which is for training: it is off here, or"
                                + " a prompt would have other tokens at each call.");
        assertThat(read().fingerprint()).hasSize(24);
    }
}
