package io.millrace.gpu.model.folder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.model.folder.FolderKey.Rule;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The keys of generation_config.json and tokenizer_config.json. */
class DecodingKeysTest {
    @TempDir Path dir;

    @ParameterizedTest
    @EnumSource(
            value = FolderFile.class,
            names = {"GENERATION", "TOKENIZER_CONFIG"})
    void everyKeyThatTransformersKnowsInAFileIsDecidedOn(FolderFile file) {
        assertThat(file.knownKeys()).hasSizeGreaterThan(50);
        assertThat(file.knownKeys())
                .allMatch(key -> FolderKeys.of(file).stream().anyMatch(row -> row.names(key)));
    }

    @Test
    void defaultsThatAreWrittenOutAreNotRefused() throws IOException {
        Path defaults = Path.of("src/test/resources/folder-keys/generation-defaults.json");
        ObjectNode all = (ObjectNode) new ObjectMapper().readTree(defaults.toFile());
        Set<String> keys = new HashSet<>();
        all.fieldNames().forEachRemaining(keys::add);
        assertThat(keys).containsAll(FolderFile.GENERATION.knownKeys());
        assertThat(check(FolderFile.GENERATION, c -> c.setAll(all))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "min_length, 1, 0",
        "max_time, 1.5,",
        "num_return_sequences, 2, 1",
        "typical_p, 0.9, 1",
        "top_h, 0.4,",
        "epsilon_cutoff, 0.001, 0.0",
        "eta_cutoff, 0.001, 0.0",
        "no_repeat_ngram_size, 3, 0",
        "encoder_no_repeat_ngram_size, 3, 0",
        "encoder_repetition_penalty, 1.2, 1.0",
        "begin_suppress_tokens, [17], []",
        "exponential_decay_length_penalty, '[5,1.1]',",
        "forced_bos_token_id, 17,",
        "forced_eos_token_id, 17,",
        "remove_invalid_values, true, false",
        "guidance_scale, 1.5, 1",
        "watermarking_config, '{\"bias\":2.5}',",
        "token_healing, true, false",
        "num_beams, 4, 1",
        "num_beam_groups, 2, 1",
        "constraints, [1],",
        "force_words_ids, [[17]],",
        "penalty_alpha, 0.6, 0",
        "dola_layers, '\"low\"',"
    })
    void aGenerationKeyThatIsNotDoneIsRefusedByNameUnlessItChangesNothing(
            String key, String value, String harmless) {
        assertThatThrownBy(() -> check(FolderFile.GENERATION, c -> put(c, key, value)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("generation_config.json has " + key + " = ");
        String other = harmless == null ? "null" : harmless;
        assertThatCode(() -> check(FolderFile.GENERATION, c -> put(c, key, other)))
                .doesNotThrowAnyException();
    }

    @Test
    void everyRefusedGenerationKeyIsTriedAbove() {
        // A row that is added wants its case there.
        assertThat(
                        FolderKeys.of(FolderFile.GENERATION).stream()
                                .filter(row -> row.rule() == Rule.REFUSED))
                .hasSize(24);
    }

    @ParameterizedTest
    @CsvSource({
        "split_special_tokens, true, false",
        "fix_mistral_regex, true, false",
        "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output, true, false"
    })
    void aTokenizerKeyThatIsNotDoneIsRefusedByName(String key, String value, String harmless) {
        assertThatThrownBy(() -> check(FolderFile.TOKENIZER_CONFIG, c -> put(c, key, value)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("tokenizer_config.json has " + key + " = ");
        assertThatCode(() -> check(FolderFile.TOKENIZER_CONFIG, c -> put(c, key, harmless)))
                .doesNotThrowAnyException();
    }

    @Test
    void aTokenOfAModelsOwnIsNoUnknownKey() throws IOException {
        assertThat(
                        check(
                                FolderFile.TOKENIZER_CONFIG,
                                c -> c.put("image_token", "<image>").put("add_bos_token", true)))
                .isEmpty();
        assertThat(check(FolderFile.TOKENIZER_CONFIG, c -> c.put("tokenizer_flavour", 1)))
                .singleElement()
                .asString()
                .contains("tokenizer_config.json", "tokenizer_flavour");
    }

    private List<String> check(FolderFile of, Consumer<ObjectNode> change) throws IOException {
        ObjectNode node = new ObjectMapper().createObjectNode();
        change.accept(node);
        Path file = dir.resolve(of.title());
        Files.writeString(file, node.toString());
        return FolderKeys.check(of, ConfigFile.read(file), "LlamaForCausalLM");
    }

    private static void put(ObjectNode node, String key, String json) {
        try {
            node.set(key, new ObjectMapper().readTree(json));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
