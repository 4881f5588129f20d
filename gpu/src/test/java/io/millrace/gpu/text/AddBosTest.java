package io.millrace.gpu.text;

import static io.millrace.gpu.text.TestingTokenizerJson.BEGIN;
import static io.millrace.gpu.text.TestingTokenizerJson.END_OF_TEXT;
import static io.millrace.gpu.text.TestingTokenizerJson.VOCABULARY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.EngineOptions.AddBos;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a prompt begins with: tokenizer.json's word, tokenizer_config.json's and the user's. */
class AddBosTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String BYTE_LEVEL =
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}";

    @TempDir Path folder;
    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = TestingTokenizerJson.write(folder);
        config("\"bos_token\": \"<begin>\", \"eos_token\": \"<end>\"");
    }

    private void config(String keys) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{" + keys + "}");
    }

    private void postProcessor(String json) throws IOException {
        ObjectNode root = (ObjectNode) JSON.readTree(file.toFile());
        JsonNode template = root.get("post_processor");
        root.set("post_processor", JSON.readTree(json.replace("TEMPLATE", template.toString())));
        Files.writeString(file, root.toString());
    }

    private TokenizerJson settled(AddBos addBos) throws IOException {
        TokenizerConfig config = TokenizerConfig.read(folder);
        TokenizerJson json = TokenizerJson.read(file, config, VOCABULARY);
        json.settle(config, addBos);
        return json;
    }

    private int[] encoded(AddBos addBos) throws IOException {
        return HuggingFaceTokenizer.open(settled(addBos)).encode("i");
    }

    @Test
    void byDefaultTokenizerJsonDecides() throws IOException {
        assertThat(encoded(AddBos.MODEL)).containsExactly(BEGIN, 'i');
        assertThat(settled(AddBos.MODEL).fingerprint()).isEmpty();
        postProcessor("null");
        assertThat(encoded(AddBos.MODEL)).containsExactly('i');
        config("\"bos_token\": \"<begin>\", \"add_bos_token\": true");
        assertThat(encoded(AddBos.MODEL)).containsExactly('i');
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "TEMPLATE",
                BYTE_LEVEL,
                "{\"type\":\"Sequence\",\"processors\":[" + BYTE_LEVEL + "]}",
                "{\"type\":\"Sequence\",\"processors\":[" + BYTE_LEVEL + ",TEMPLATE]}"
            })
    void alwaysPutsItThereOnceAndNeverLeavesItOut(String postProcessor) throws IOException {
        postProcessor(postProcessor);
        assertThat(encoded(AddBos.ALWAYS)).containsExactly(BEGIN, 'i');
        assertThat(encoded(AddBos.NEVER)).containsExactly('i');
        boolean there = postProcessor.contains("TEMPLATE");
        assertThat(settled(AddBos.ALWAYS).fingerprint().isEmpty()).isEqualTo(there);
        assertThat(settled(AddBos.NEVER).fingerprint().isEmpty()).isEqualTo(!there);
        int[] rendered = HuggingFaceTokenizer.open(settled(AddBos.ALWAYS)).encodeRendered("i");
        assertThat(rendered).containsExactly('i');
    }

    @Test
    void neverLeavesTheOtherTokensWhereTheyAre() throws IOException {
        ObjectNode template = (ObjectNode) JSON.readTree(file.toFile()).get("post_processor");
        template.withArray("single")
                .addObject()
                .putObject("SpecialToken")
                .put("id", "<end>")
                .put("type_id", 0);
        ObjectNode end = template.withObject("/special_tokens").putObject("<end>");
        end.put("id", "<end>").putArray("ids").add(END_OF_TEXT);
        end.putArray("tokens").add("<end>");
        postProcessor(template.toString());
        assertThat(encoded(AddBos.MODEL)).containsExactly(BEGIN, 'i', END_OF_TEXT);
        assertThat(encoded(AddBos.NEVER)).containsExactly('i', END_OF_TEXT);
    }

    @Test
    void whatCannotBeDoneIsRefused() throws IOException {
        config("\"eos_token\": \"<end>\"");
        assertThatThrownBy(() -> settled(AddBos.ALWAYS))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no file of the model names a bos_token");
        config("\"bos_token\": \"<begin>\"");
        postProcessor(
                "{\"type\":\"BertProcessing\",\"cls\":[\"<begin>\",262],\"sep\":[\"<end>\",263]}");
        assertThat(encoded(AddBos.ALWAYS)).containsExactly(BEGIN, 'i', END_OF_TEXT);
        assertThatThrownBy(() -> settled(AddBos.NEVER))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("always puts <begin> there");
    }

    @Test
    void aContradictionIsSaidOnce() throws IOException {
        config("\"bos_token\": \"<begin>\", \"add_bos_token\": true");
        assertThat(settled(AddBos.MODEL).notices()).isEmpty();
        config("\"bos_token\": \"<begin>\", \"add_bos_token\": false");
        assertThat(settled(AddBos.MODEL).notices())
                .containsExactly(
                        "tokenizer_config.json has add_bos_token = false, but "
                                + file
                                + " puts <begin> before a prompt: the latter holds, as in"
                                + " transformers 5; --add-bos always or never decides otherwise.");
        assertThat(settled(AddBos.NEVER).notices()).isEmpty();
        config("\"eos_token\": \"<end>\", \"add_eos_token\": true");
        assertThat(settled(AddBos.MODEL).notices())
                .containsExactly(
                        "tokenizer_config.json has add_eos_token = true, but "
                                + file
                                + " does not put <end> behind a prompt: the latter holds, as in"
                                + " transformers 5.");
    }

    @Test
    void aPrefixSpaceThatTheClassWouldHaveIsSaid() throws IOException {
        config("\"tokenizer_class\": \"Qwen2Tokenizer\", \"add_prefix_space\": true");
        assertThat(settled(AddBos.MODEL).notices())
                .isEqualTo(
                        List.of(
                                "tokenizer_config.json has add_prefix_space = true, but "
                                        + file
                                        + " does not put a space before a prompt: the latter holds."));
        config("\"tokenizer_class\": \"Qwen2Tokenizer\", \"add_prefix_space\": false");
        assertThat(settled(AddBos.MODEL).notices()).isEmpty();
        config("\"tokenizer_class\": \"PreTrainedTokenizerFast\", \"add_prefix_space\": true");
        assertThat(settled(AddBos.MODEL).notices()).isEmpty();
    }

    @Test
    void aCleanUpThatTransformersWouldDoIsRefused() throws IOException {
        config("\"clean_up_tokenization_spaces\": true");
        assertThat(settled(AddBos.MODEL).notices()).isEmpty();
        ObjectNode root = (ObjectNode) JSON.readTree(file.toFile());
        root.withObject("/model").put("type", "WordPiece");
        Files.writeString(file, root.toString());
        assertThatThrownBy(() -> settled(AddBos.MODEL))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("clean_up_tokenization_spaces = true");
    }
}
