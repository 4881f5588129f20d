package io.millrace.gpu.model.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.PieceReader;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Unpacked weights against what the tools that wrote the files decode, bit for bit. */
class QuantizedValuesTest {
    private static final String OLD = "gptq-old-b4-g64-asym";
    private static final String K_PROJ = "model.layers.0.self_attn.k_proj.weight";
    private static final Consumer<ObjectNode> AS_IT_IS = config -> {};

    @TempDir Path dir;

    @ParameterizedTest
    @CsvSource({
        "gptq-b4-g32-desc-sym-model, F16",
        "gptq-b4-g64-asym-v1, F16",
        "gptq-b4-g64-asym-v2, F16",
        "gptq-b4-g128-defaults, F16",
        "gptq-b8-channel-sym, F16",
        "awq-gemm-g64-model, F16",
        "awq-gemm-g128, F16",
        "ct-w4a16-g32-model, BF16",
        "ct-w4a16-g128-sym, BF16",
        "ct-w4a16-g128-asym, BF16",
        "ct-w4a16-g32-actorder-weight, BF16",
        "ct-w4a16-channel-asym-odd, BF16",
        "ct-old-w4a16-g32-actorder-group, BF16",
        "ct-fp8-dynamic-model, BF16",
        "ct-fp8-block128-odd, BF16",
        "fp8-block128-model, BF16",
        "fp8-block128-gqa64, BF16",
        "fp8-block64, BF16",
    })
    void everyWeightHasTheBitsOfTheToolsOwn(String name, DType type) throws IOException {
        assertGolden(name, type, ".weight", AS_IT_IS);
    }

    /** Their runtime quantizes activations too, which is refused unless the user takes it out. */
    @ParameterizedTest
    @ValueSource(strings = {"ct-w8a8-int8", "ct-fp8-static-kv8"})
    void theWeightsAloneOfQuantizedActivations(String name) throws IOException {
        assertGolden(
                name,
                DType.BF16,
                ".weight",
                config -> {
                    config.putNull("kv_cache_scheme");
                    ((ObjectNode) config.at("/config_groups/group_0")).putNull("input_activations");
                });
    }

    @Test
    void blocksAtTheEdgesOfAMatrixAreSmaller() throws IOException {
        Consumer<ObjectNode> keys =
                config ->
                        config.put("quant_method", "fp8")
                                .putArray("weight_block_size")
                                .add(128)
                                .add(128);
        assertGolden("fp8-block128-odd", DType.BF16, ".weight", keys);
        assertGolden("fp8-block128-odd", DType.F32, ".weight.f32", keys);
        assertGolden("fp8-block128-model", DType.F32, ".weight.f32", AS_IT_IS);
    }

    /** A weight that is not in FP8 is as it is, whatever the scale beside it holds. */
    @Test
    void theTypeOfAWeightDecides() throws IOException {
        Map<String, Tensor> weights =
                QuantizedCases.weights("fp8-block128-gqa64", DType.F32, dir, AS_IT_IS);
        Tensor plain =
                SafeTensors.open(
                                QuantizedCases.ROOT.resolve("fp8-block128-gqa64/model.safetensors"))
                        .get(K_PROJ);
        assertThat(weights.get(K_PROJ).dtype()).isEqualTo(DType.BF16);
        assertThat(weights.get(K_PROJ).readFloats()).containsExactly(plain.readFloats());
        assertThat(weights.keySet()).noneMatch(name -> name.contains("scale"));
    }

    private void assertGolden(String name, DType type, String suffix, Consumer<ObjectNode> change)
            throws IOException {
        Map<String, Tensor> weights = QuantizedCases.weights(name, type, dir, change);
        List<Tensor> golden =
                QuantizedCases.golden(name).values().stream()
                        .filter(tensor -> tensor.name().endsWith(suffix))
                        .toList();
        assertThat(golden).isNotEmpty();
        for (Tensor right : golden) {
            String weight = right.name().replaceFirst("\\.weight.*", ".weight");
            Tensor actual = weights.get(weight);
            assertThat(actual).as(weight).isNotNull();
            assertThat(actual.dtype()).isEqualTo(type);
            assertThat(actual.expect(right.dim(0), right.dim(1))).isSameAs(actual);
            assertThat(Arrays.equals(actual.readFloats(), right.readFloats()))
                    .as(weight + " of " + name)
                    .isTrue();
        }
    }

    /** Scales of F16 rounded once to F16, then to BF16: not the same as rounding once to BF16. */
    @Test
    void theProductIsRoundedToTheScalesTypeFirst() throws IOException {
        float[] twice = values("gptq-b4-g128-defaults", DType.BF16);
        float[] expected = values("gptq-b4-g128-defaults", DType.F16);
        DType.BF16.round(expected, expected.length);
        assertThat(twice).containsExactly(expected);
    }

    private float[] values(String name, DType type) throws IOException {
        return QuantizedCases.weights(name, type, dir, AS_IT_IS).get(K_PROJ).readFloats();
    }

    @Test
    void piecesInAnyOrderHaveTheSameBytes() throws IOException {
        Map<String, Tensor> weights =
                QuantizedCases.weights("awq-gemm-g128", DType.F16, dir, AS_IT_IS);
        Tensor weight = weights.get("model.layers.0.mlp.down_proj.weight");
        byte[] read = new byte[(int) weight.bytes()];
        weight.read(1, (piece, length, row) -> System.arraycopy(piece, 0, read, 0, length));
        byte[] digest = weight.digest();
        byte[] pieces = new byte[read.length];
        try (PieceReader reader = weight.openPieces()) {
            for (int i = reader.pieces() - 1; i >= 0; i--) {
                byte[] piece = new byte[reader.pieceBytes()];
                int length = reader.read(i, piece);
                int from = (int) reader.firstRow(i) * 2 * (int) weight.dim(1);
                System.arraycopy(piece, 0, pieces, from, length);
            }
        }
        assertThat(pieces).isEqualTo(read);
        assertThat(weight.digest()).isEqualTo(digest);
        Tensor half = weight.split(2).get(1);
        float[] all = weight.readFloats();
        assertThat(half.readFloats())
                .containsExactly(Arrays.copyOfRange(all, all.length / 2, all.length));
    }

    @Test
    void aZeroPointThatOldWritersLoseIsRefused() throws IOException {
        Map<String, Tensor> weights = QuantizedCases.weights(OLD, DType.F16, dir, AS_IT_IS);
        assertThatThrownBy(weights.get(K_PROJ)::readFloats)
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("k_proj.qzeros", "zero point of 0", "GPTQModel 0.9.0");
        assertThatThrownBy(
                        QuantizedCases.weights(
                                                "gptq-b4-g64-asym-v1",
                                                DType.F16,
                                                dir,
                                                config -> config.remove("meta"))
                                        .get(K_PROJ)
                                ::readFloats)
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("group", "zero point of 0");
    }

    /** Nothing is lost where no zero point is 0, so that the writer does not matter. */
    @Test
    void otherFilesOfOldWritersAreRead() throws IOException {
        Map<String, Tensor> old = QuantizedCases.weights(OLD, DType.F16, dir, AS_IT_IS);
        String down = "model.layers.0.mlp.down_proj.weight";
        assertThat(old.get(down).readFloats())
                .containsExactly(QuantizedCases.golden(OLD).get(down).readFloats());
        for (String name : List.of("gptq-b4-g128-defaults", "gptq-b8-channel-sym")) {
            assertGolden(name, DType.F16, ".weight", config -> config.remove("meta"));
            assertGolden(
                    name,
                    DType.F16,
                    ".weight",
                    config -> config.putObject("meta").put("quantizer", "gptqmodel:0.8.7"));
        }
    }

    /** The same codes read by the other layout of zero points are other weights. */
    @Test
    void theLayoutOfZeroPointsIsThatOfTheConfig() throws IOException {
        Map<String, Tensor> other =
                QuantizedCases.weights(
                        "gptq-b4-g64-asym-v2",
                        DType.F16,
                        dir,
                        config -> config.put("checkpoint_format", "gptq"));
        assertThat(other.get(K_PROJ).readFloats())
                .isNotEqualTo(values("gptq-b4-g64-asym-v2", DType.F16));
        assertThat(values("gptq-b4-g64-asym-v1", DType.F16))
                .containsExactly(values("gptq-b4-g64-asym-v2", DType.F16));
    }
}
