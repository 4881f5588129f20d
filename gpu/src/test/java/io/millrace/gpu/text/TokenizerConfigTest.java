package io.millrace.gpu.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Expected values: {@code AutoTokenizer} of transformers 5.17.0 and its special_tokens_map. */
class TokenizerConfigTest {
    private static final String GPT2 = "bos <|endoftext|> eos <|endoftext|> unk <|endoftext|>";
    private static final String QWEN2 = "eos <|endoftext|> unk <|endoftext|> pad <|endoftext|>";
    private static final String LLAMA = "bos <s> eos </s> unk <unk>";

    @TempDir Path folder;

    private void write(String name, String json) throws IOException {
        Files.writeString(folder.resolve(name), json);
    }

    private Map<String, String> tokens() throws IOException {
        return TokenizerConfig.read(folder).specialTokens();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "gpt2    |                         | GPT2",
                "starcoder2 |                      | GPT2",
                "gpt2    | LlamaTokenizer          | LLAMA",
                "gpt2    | PreTrainedTokenizerFast | ",
                "qwen2   |                         | QWEN2",
                "qwen2   | LlamaTokenizerFast      | QWEN2",
                "qwen2   | PreTrainedTokenizerFast | QWEN2",
                "qwen3   |                         | QWEN2",
                "qwen3   | GPT2Tokenizer           | GPT2",
                "qwen3   | PreTrainedTokenizerFast | ",
                "llama   |                         | ",
                "llama   | LlamaTokenizer          | LLAMA",
                "llama   | LlamaTokenizerFast      | LLAMA",
                "llama   | GPT2TokenizerFast       | GPT2",
                "llama   | Unheard                 | ",
                "mistral |                         | ",
                "mistral | LlamaTokenizerFast      | ",
                "phi3    |                         | ",
                "phi3    | LlamaTokenizer          | ",
                "phi3    | GPT2TokenizerFast       | ",
                "        | Qwen2Tokenizer          | QWEN2",
                "        |                         | ",
            })
    void aTokenizersClassHasSpecialTokensThatNoFileNames(
            String modelType, String tokenizerClass, String expected) throws IOException {
        write(
                "config.json",
                modelType == null ? "{}" : "{\"model_type\": \"%s\"}".formatted(modelType));
        if (tokenizerClass != null) {
            write(
                    "tokenizer_config.json",
                    "{\"tokenizer_class\": \"%s\"}".formatted(tokenizerClass));
        }
        Map<String, String> names = Map.of("GPT2", GPT2, "QWEN2", QWEN2, "LLAMA", LLAMA);
        StringBuilder found = new StringBuilder();
        for (String name : new String[] {"bos", "eos", "unk", "sep", "pad", "cls", "mask"}) {
            String token = tokens().get(name + "_token");
            found.append(token == null ? "" : " " + name + " " + token);
        }
        assertThat(found.toString().strip()).isEqualTo(expected == null ? "" : names.get(expected));
    }

    @Test
    void configJsonMayNameTheClass() throws IOException {
        write(
                "config.json",
                "{\"model_type\": \"llama\", \"tokenizer_class\": \"LlamaTokenizer\"}");
        assertThat(tokens()).containsEntry("bos_token", "<s>");
    }

    @Test
    void whatTheFilesNameGoesBeforeTheClassAndNullIsNoToken() throws IOException {
        write(
                "tokenizer_config.json",
                """
                {"tokenizer_class": "LlamaTokenizer", "bos_token": null,
                 "eos_token": {"__type": "AddedToken", "content": "<end>", "lstrip": false},
                 "image_token": "<image>", "add_bos_token": true}
                """);
        assertThat(tokens())
                .isEqualTo(
                        Map.of(
                                "eos_token",
                                "<end>",
                                "unk_token",
                                "<unk>",
                                "image_token",
                                "<image>"));
    }

    @Test
    void specialTokensMapGoesBeforeTheConfig() throws IOException {
        write("tokenizer_config.json", "{\"eos_token\": \"<a>\", \"bos_token\": \"<b>\"}");
        write(
                "special_tokens_map.json",
                "{\"eos_token\": \"<x>\", \"pad_token\": {\"content\": \"<p>\", \"lstrip\": false}}");
        assertThat(tokens())
                .isEqualTo(Map.of("eos_token", "<x>", "bos_token", "<b>", "pad_token", "<p>"));
    }

    @Test
    void specialTokensMapIsNotLookedAtWhereTheConfigHasAddedTokens() throws IOException {
        write("tokenizer_config.json", "{\"eos_token\": \"<a>\", \"added_tokens_decoder\": {}}");
        write("special_tokens_map.json", "{\"eos_token\": \"<x>\", \"bos_token\": \"<x>\"}");
        assertThat(tokens()).isEqualTo(Map.of("eos_token", "<a>"));
    }

    @Test
    void aBrokenFileIsOneSentenceWithItsName() throws IOException {
        write("tokenizer_config.json", "[]");
        assertThatThrownBy(this::tokens)
                .isInstanceOf(IOException.class)
                .hasMessage(folder.resolve("tokenizer_config.json") + " is not a JSON object");
        write("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {}}}");
        assertThatThrownBy(this::tokens)
                .isInstanceOf(IOException.class)
                .hasMessageEndingWith(
                        "has added_tokens_decoder with the key x, where a token id is expected");
    }
}
