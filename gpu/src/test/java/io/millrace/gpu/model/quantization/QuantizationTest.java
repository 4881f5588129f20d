package io.millrace.gpu.model.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read of quantization_config, and what is refused with its remedy. */
class QuantizationTest {
    private static final String GPTQ = "gptq-b4-g128-defaults";

    @TempDir Path dir;

    /** Folders of other tools: their config.json, and the names of their tensors without it. */
    @ParameterizedTest
    @CsvSource({
        "bnb-int8, bitsandbytes, bitsandbytes (8 bits)",
        "bnb-nf4, bitsandbytes, bitsandbytes (4 bits)",
        "bnb-nf4-double, bitsandbytes, bitsandbytes (4 bits)",
        "hqq-4-layer, hqq, HQQ",
        "ct-nvfp4a16, nvfp4-pack-quantized, NVFP4",
        "ct-mxfp4a16, mxfp4-pack-quantized, compressed-tensors",
        "ct-mxfp8a16, mxfp8-quantized, compressed-tensors"
    })
    void otherFormatsAreRefusedByNameWithTheRemedy(String name, String method, String byNames)
            throws IOException {
        Path folder = QuantizedCases.ROOT.resolve("names-only").resolve(name);
        ConfigFile config = ConfigFile.read(folder.resolve("config.json"));
        assertThatThrownBy(() -> Quantization.read(folder, config))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(method, "not supported", "take ", "GPTQ, AWQ");
        JsonNode names = new ObjectMapper().readTree(folder.resolve("names.json").toFile());
        Set<String> tensors = new HashSet<>();
        names.fieldNames().forEachRemaining(tensors::add);
        assertThatThrownBy(() -> QuantizedNames.refuse(folder, tensors))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("quantized by ", byNames, "BF16", "GPTQ, AWQ");
    }

    @ParameterizedTest
    @CsvSource({
        "gptq-b4-g128-defaults, bits, 3, '4, 8'",
        "gptq-b4-g128-defaults, group_size, 0, positive",
        "gptq-b4-g128-defaults, checkpoint_format, '\"marlin\"', gptq_v2",
        "gptq-b4-g128-defaults, pack_dtype, '\"int16\"', int32",
        "gptq-b4-g128-defaults, is_marlin_format, true, false",
        "gptq-b4-g128-defaults, dynamic, '{\"+:.*down.*\":{\"bits\":8}}', -:",
        "gptq-b4-g128-defaults, rotation, '\"hadamard\"', without it",
        "gptq-b4-g128-defaults, zero_point, true, take it out",
        "awq-gemm-g128, bits, 8, 4",
        "awq-gemm-g128, version, '\"gemv\"', gemm",
        "awq-gemm-g128, zero_point, false, true",
        "awq-gemm-g128, desc_act, true, false",
        "ct-w4a16-g128-sym, sparsity_config, '{\"format\":\"sparse-24-bitmask\"}', dense",
        "ct-w4a16-g128-sym, transform_config, '{\"config_groups\":{\"u\":{}}}', empty",
        "ct-w4a16-g128-sym, config_groups, '{}', at least one",
        "ct-fp8-static-kv8, kv_cache_scheme, '{\"num_bits\":8}', k_scale and v_scale",
        "fp8-block64, activation_scheme, '\"static\"', dynamic",
        "fp8-block64, weight_block_size, '[128]', 'rows and columns'",
        "fp8-block64, fmt, '\"e5m2\"', e4m3",
    })
    void aKeyThatWouldChangeAnAnswerIsRefused(String name, String key, String value, String remedy)
            throws IOException {
        JsonNode json = new ObjectMapper().readTree(value);
        assertThatThrownBy(
                        () ->
                                QuantizedCases.quantization(
                                        name, DType.F16, dir, config -> config.set(key, json)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(
                        key, json.isTextual() ? json.textValue() : json.toString(), remedy);
    }

    @ParameterizedTest
    @CsvSource({
        "ct-w4a16-g128-sym, weights/num_bits, 3, '4, 8'",
        "ct-w4a16-g128-sym, weights/strategy, '\"tensor_group\"', 'channel, group'",
        "ct-w4a16-g128-sym, weights/type, '\"float\"', int",
        "ct-w4a16-g128-sym, output_activations, '{\"num_bits\":8}', null",
        "ct-w4a16-g128-sym, targets, '[]', a list of layers",
        "ct-fp8-dynamic-model, weights/symmetric, false, true",
        "ct-fp8-dynamic-model, weights/num_bits, 4, 8",
        "ct-fp8-dynamic-model, input_activations/dynamic, false, put null in its place",
        "ct-fp8-block128-odd, weights/block_structure, 128, rows and columns"
    })
    void aSchemeThatWouldChangeAnAnswerIsRefused(
            String name, String key, String value, String remedy) throws IOException {
        JsonNode json = new ObjectMapper().readTree(value);
        String[] path = ("config_groups/group_0/" + key).split("/");
        assertThatThrownBy(
                        () ->
                                QuantizedCases.quantization(
                                        name,
                                        DType.BF16,
                                        dir,
                                        config -> {
                                            ObjectNode node = config;
                                            for (int i = 0; i < path.length - 1; i++) {
                                                node = (ObjectNode) node.get(path[i]);
                                            }
                                            node.set(path[path.length - 1], json);
                                        }))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(key.replaceFirst("/.*", ""), remedy);
    }

    /** INT8 and static scales: the tool's runtime gives other answers than the weights alone. */
    @ParameterizedTest
    @CsvSource({
        "ct-w8a8-int8, input_activations",
        "ct-fp8-static-kv8, kv_cache_scheme",
    })
    void whatItsRuntimeQuantizesBesideTheWeightsIsRefused(String name, String key) {
        assertThatThrownBy(() -> QuantizedCases.quantization(name, DType.BF16, dir, config -> {}))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(key, "not supported", "null");
    }

    @Test
    void dynamicActivationsThatStayAsTheyAreAreTold() throws IOException {
        for (String name : new String[] {"ct-fp8-dynamic-model", "fp8-block128-model"}) {
            assertThat(open(name, config -> {}).remarks())
                    .anySatisfy(
                            remark -> assertThat(remark).contains("activations", "weights alone"));
        }
    }

    @Test
    void ofSeveralGroupsTheOneThatNamesALayerCounts() throws IOException {
        String name = "ct-w4a16-g128-asym";
        String up = "model.layers.0.mlp.up_proj";
        Consumer<ObjectNode> named =
                config -> {
                    ObjectNode groups = (ObjectNode) config.get("config_groups");
                    ObjectNode other = groups.get("group_0").deepCopy();
                    other.putArray("targets").add("re:.*mlp.*").add("other");
                    ((ObjectNode) groups.at("/group_0/weights")).put("group_size", 32);
                    ((ObjectNode) groups.at("/group_0")).putArray("targets").add("absent");
                    groups.set("group_1", other);
                };
        assertThatThrownBy(() -> QuantizedCases.weights(name, DType.BF16, dir, named))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("self_attn", "0 of the config_groups");
        float[] alone =
                QuantizedCases.weights(name, DType.BF16, dir, config -> {})
                        .get(up + ".weight")
                        .readFloats();
        float[] mixed =
                QuantizedCases.weights(
                                name,
                                DType.BF16,
                                dir,
                                config -> {
                                    named.accept(config);
                                    ObjectNode rest =
                                            config.at("/config_groups/group_1").deepCopy();
                                    rest.putArray("targets").add("Linear");
                                    ((ObjectNode) config.get("config_groups")).set("group_2", rest);
                                })
                        .get(up + ".weight")
                        .readFloats();
        assertThat(mixed).containsExactly(alone);
        assertThatThrownBy(
                        () ->
                                QuantizedCases.weights(
                                        name,
                                        DType.BF16,
                                        dir,
                                        config -> {
                                            named.accept(config);
                                            ((ObjectNode) config.at("/config_groups/group_0"))
                                                    .putArray("targets")
                                                    .add("Linear");
                                        }))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("self_attn");
    }

    @Test
    void ggufFilesAreRefusedWithTheRemedy() throws IOException {
        Path file = Files.createFile(dir.resolve("model-Q4_K_M.gguf"));
        for (Path model : new Path[] {dir, file}) {
            assertThatThrownBy(() -> ModelFolder.open(model))
                    .isInstanceOf(InvalidModelException.class)
                    .hasMessageContainingAll(file.toString(), "GGUF", "safetensors", "GPTQ, AWQ");
        }
        Path folder = QuantizedCases.folder(GPTQ, dir, config -> {});
        Files.createFile(folder.resolve("model.gguf"));
        assertThat(ModelFolder.open(folder).remarks()).isNotEmpty();
    }

    @Test
    void layersMayBeLeftOut() throws IOException {
        QuantizedCases.quantization(
                GPTQ,
                DType.F16,
                dir,
                config -> config.putObject("dynamic").putObject("-:.*down.*"));
    }

    @Test
    void groupsInAnyOrderNeedTheirTensor() throws IOException {
        Path folder =
                QuantizedCases.folder(
                        "awq-gemm-g128",
                        dir,
                        config ->
                                config.putObject("quantization_config")
                                        .put("quant_method", "gptq")
                                        .put("bits", 4)
                                        .put("group_size", 128)
                                        .put("desc_act", true));
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("down_proj");
    }

    @Test
    void aFolderSaysHowItsWeightsAreQuantized() throws IOException {
        ModelFolder folder = open(GPTQ, config -> {});
        assertThat(folder.remarks())
                .anySatisfy(
                        remark ->
                                assertThat(remark)
                                        .contains(
                                                "quantized by GPTQ", "unpacked to F16", "memory"));
        // As many bytes as unquantized weights: 32 tokens twice, 3 norms, one layer.
        long layer = 128 * (128 + 64 + 64 + 128 + 3 * 256);
        assertThat(folder.weightBytes()).isEqualTo(2 * (2 * 32 * 128 + 3 * 128 + layer));
    }

    @Test
    void theTypeOfTheWeightsMustBeKnown() {
        assertThatThrownBy(() -> open(GPTQ, config -> config.remove("dtype")))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("dtype", "unpacked", "bfloat16");
    }

    @Test
    void olderFoldersHaveAFileOfItsOwn() throws IOException {
        Path folder =
                QuantizedCases.folder(GPTQ, dir, config -> config.remove("quantization_config"));
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("quantized by GPTQ", "quantization_config");
        Path own = folder.resolve("quantize_config.json");
        Files.copy(QuantizedCases.ROOT.resolve(GPTQ).resolve("quantize_config.json"), own);
        ModelFolder opened = ModelFolder.open(folder);
        assertThat(opened.weightBytes()).isEqualTo(open(GPTQ, config -> {}).weightBytes());
        String fingerprint = opened.fingerprint();
        Files.writeString(own, Files.readString(own) + " ");
        assertThat(ModelFolder.open(folder).fingerprint()).isNotEqualTo(fingerprint);
    }

    @Test
    void theFingerprintIsThatOfTheFormat() throws IOException {
        String v1 = open("gptq-b4-g64-asym-v1", config -> {}).fingerprint();
        String v2 = open("gptq-b4-g64-asym-v2", config -> {}).fingerprint();
        assertThat(v1).isNotEqualTo(v2);
        assertThat(open("gptq-b4-g64-asym-v1", config -> {}).fingerprint()).isEqualTo(v1);
    }

    private ModelFolder open(String name, Consumer<ObjectNode> change) throws IOException {
        Path to = Files.createTempDirectory(dir, "folder");
        return ModelFolder.open(QuantizedCases.folder(name, to, change));
    }
}
