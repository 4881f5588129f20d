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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class FolderKeysTest {
    private static final String LLAMA = "LlamaForCausalLM";

    /** Lines "FAMILY KEY", all keys of transformers' configs of our families; see make_keys.py. */
    private static final Path FAMILIES = Path.of("src/test/resources/folder-keys/families.txt");

    @TempDir Path dir;

    @Test
    void everyKeyOfTransformersConfigsOfOurFamiliesIsInExactlyOneList() throws IOException {
        try (Stream<String> lines = Files.lines(FAMILIES)) {
            List<String> undecided =
                    lines.filter(line -> !line.startsWith("#"))
                            .filter(line -> rows(line.split(" ")).count() != 1)
                            .toList();
            assertThat(undecided).isEmpty();
        }
    }

    private static Stream<FolderKey> rows(String[] line) {
        FolderFile file = line[0].equals("rope") ? FolderFile.ROPE : FolderFile.CONFIG;
        return FolderKeys.of(file).stream()
                .filter(row -> row.key().equals(line[1]) && row.isOf(line[0]));
    }

    @ParameterizedTest
    @EnumSource(FolderFile.class)
    void noKeyIsDecidedOnTwice(FolderFile file) {
        Set<String> seen = new HashSet<>();
        for (FolderKey row : FolderKeys.of(file)) {
            for (String model : row.models().isEmpty() ? Set.of("*") : row.models()) {
                assertThat(seen.add(model + row.key())).as(model + ": " + row.key()).isTrue();
            }
            assertThat(row.why()).isNotBlank();
            assertThat(row.models().isEmpty() || !seen.contains("*" + row.key()))
                    .as("%s is decided on for all models and for one", row.key())
                    .isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "is_causal, false, true",
        "partial_rotary_factor, 0.5, 1",
        "attention_bias, true, false",
        "is_encoder_decoder, true, false",
        "pruned_heads, '{\"0\":[1]}', {}",
        "per_layer_config, '{\"0\":{\"head_dim\":16}}', {}",
        "hidden_act, '\"gelu\"', '\"silu\"'",
        "layer_types, '[\"full_attention\",\"sliding_attention\"]', '[\"full_attention\"]'"
    })
    void aRefusedKeyIsHarmlessWithItsDefault(String key, String value, String harmless) {
        assertThatThrownBy(() -> check(c -> put(c, key, value)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("config.json", key);
        assertThatCode(() -> check(c -> put(c, key, harmless))).doesNotThrowAnyException();
        assertThatCode(() -> check(c -> put(c, key, "null"))).doesNotThrowAnyException();
    }

    @Test
    void aKeyThatTransformersHasAndNoListIsRefusedByName() {
        assertThatThrownBy(() -> check(c -> c.put("logits_scaling", 8.0)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("logits_scaling = 8.0", LLAMA, "take it out");
        assertThatCode(() -> check(c -> c.putNull("logits_scaling"))).doesNotThrowAnyException();
    }

    @Test
    void keysThatTransformersDoesNotKnowEitherAreToldOnceAndNeverRefused() throws IOException {
        List<String> remarks =
                check(c -> c.put("_name_or_path", "/models/x").put("unsloth_version", "2026.11"));
        assertThat(remarks).hasSize(1);
        assertThat(remarks.get(0))
                .contains("config.json", "_name_or_path, unsloth_version", "no effect");
        assertThat(check(c -> c.put("vocab_size", 17))).isEmpty();
    }

    @Test
    void aLlamaMayHaveAWindowThatNeverBites() {
        assertThatThrownBy(() -> check(c -> c.put("sliding_window", 64)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("sliding_window = 64");
        assertThatCode(
                        () ->
                                check(
                                        c ->
                                                c.put("sliding_window", 256)
                                                        .put("max_position_embeddings", 256)))
                .doesNotThrowAnyException();
        assertThatCode(
                        () ->
                                check(
                                        c ->
                                                c.put("sliding_window", 64)
                                                        .put("use_sliding_window", false)))
                .doesNotThrowAnyException();
    }

    @Test
    void someKeysAreOfEachList() {
        for (Rule rule : Rule.values()) {
            assertThat(FolderKeys.of(FolderFile.CONFIG)).anyMatch(row -> row.rule() == rule);
        }
    }

    private List<String> check(Consumer<ObjectNode> change) throws IOException {
        ObjectNode node = new ObjectMapper().createObjectNode();
        change.accept(node);
        Path file = dir.resolve("config.json");
        Files.writeString(file, node.toString());
        return FolderKeys.checkConfig(ConfigFile.read(file), LLAMA);
    }

    private static void put(ObjectNode node, String key, String json) {
        try {
            node.set(key, new ObjectMapper().readTree(json));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
