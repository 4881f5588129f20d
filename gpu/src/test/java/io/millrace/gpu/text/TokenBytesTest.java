package io.millrace.gpu.text;

import static io.millrace.gpu.text.TestingTokenizerJson.BYTES;
import static io.millrace.gpu.text.TestingTokenizerJson.END_OF_TEXT;
import static io.millrace.gpu.text.TestingTokenizerJson.VOCABULARY;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenBytesTest {
    private static final int HELLO = BYTES + 3;

    @TempDir Path folder;

    private TokenizerJson read(String config) throws IOException {
        Path file = TestingTokenizerJson.write(folder);
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        return TokenizerJson.read(file, TokenizerConfig.read(folder), VOCABULARY + 8);
    }

    private static void assertDecodesToItsBytes(TokenizerJson json, int tokens) throws IOException {
        byte[][] bytes = TokenBytes.of(json);
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.open(json);
        assertThat(bytes.length).isEqualTo(tokens);
        for (int id = 0; id < tokens; id++) {
            String text = bytes[id] == null ? "" : new String(bytes[id], StandardCharsets.UTF_8);
            assertThat(tokenizer.decode(new int[] {id})).as("token %d", id).isEqualTo(text);
        }
    }

    @Test
    void theBytesAreWhatTheTokenIsDecodedTo() throws IOException {
        TokenizerJson json = read("{}");
        assertDecodesToItsBytes(json, VOCABULARY);
        byte[][] bytes = TokenBytes.of(json);
        assertThat(bytes[HELLO]).asString(StandardCharsets.UTF_8).isEqualTo("hello");
        assertThat(bytes[END_OF_TEXT]).isNull();
        assertThat(TokenBytes.of(folder.resolve("tokenizer.json"))).isDeepEqualTo(bytes);
    }

    @Test
    void aTokenThatAnotherFileMakesSpecialHasNone() throws IOException {
        TokenizerJson json =
                read(
                        """
                        {"unk_token": "hello", "eos_token": "<unheard>",
                         "extra_special_tokens": ["ll"],
                         "added_tokens_decoder": {"7": {"content": "<x>", "special": false}}}
                        """);
        assertDecodesToItsBytes(json, VOCABULARY + 2);
        byte[][] bytes = TokenBytes.of(json);
        assertThat(bytes[HELLO]).isNull();
        assertThat(bytes[BYTES + 1]).isNull();
        assertThat(bytes[VOCABULARY]).asString(StandardCharsets.UTF_8).isEqualTo("<x>");
        assertThat(bytes[VOCABULARY + 1]).isNull();
    }
}
