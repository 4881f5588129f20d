package io.millrace.gpu.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.device.cpu.CpuRecording;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.quantization.QuantizedCases;
import io.millrace.gpu.tensor.SafeTensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole quantized models on the CPU, against transformers with the tools' own unpacked weights in
 * F32. Where the tool's runtime quantizes activations too, the runs with the weights alone count.
 */
class QuantizedModelsTest {
    private static final int BLOCK = 16;

    @TempDir Path dir;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gptq-b4-g32-desc-sym-model",
                "awq-gemm-g64-model",
                "ct-w4a16-g32-model",
                "ct-fp8-dynamic-model",
                "fp8-block128-model"
            })
    void greedyTokensAreThoseOfTheToolsWeights(String name) throws IOException {
        assertGreedy(name, 0, config -> {});
    }

    /** Other tokens from the twelfth on: the weights are not rounded to BF16. */
    @Test
    void theTypeOfTheConfigIsThatOfTheWeights() throws IOException {
        assertGreedy("fp8-block128-model", 1, config -> config.put("dtype", "float32"));
    }

    private void assertGreedy(String name, int index, Consumer<ObjectNode> change)
            throws IOException {
        Path golden = QuantizedCases.ROOT.resolve("golden");
        JsonNode expected = new ObjectMapper().readTree(golden.resolve(name + ".json").toFile());
        JsonNode run = expected.get("runs").get(index);
        assertThat(run.get("how").asText()).startsWith("float32 compute on ");
        int[] prompt = ints(expected.get("prompt"));
        int[] greedy = ints(run.get("ids"));
        // The logits are of the first run.
        float[] logits =
                index > 0
                        ? null
                        : SafeTensors.open(golden.resolve(name + ".safetensors"))
                                .get("logits")
                                .readFloats();
        Path folder = QuantizedCases.folder(name, dir, change);
        EngineOptions options =
                EngineOptions.of(folder.toString())
                        .withMaxBatchedTokens(64)
                        .withMaxSequences(1)
                        .withBlockSize(BLOCK);
        float[] whole = null;
        try (RecordingModelRunner runner = CpuRecording.open(ModelFolder.open(folder), options)) {
            for (int chunk : new int[] {64, 5, 1}) {
                float[] last = assertRun(runner, prompt, greedy, logits, chunk);
                assertThat(whole == null ? last : whole).containsExactly(last);
                whole = last;
            }
        }
    }

    /** Returns the logits after the last token. */
    private static float[] assertRun(
            RecordingModelRunner runner, int[] prompt, int[] greedy, float[] logits, int chunk) {
        int[] all = Arrays.copyOf(prompt, prompt.length + greedy.length);
        System.arraycopy(greedy, 0, all, prompt.length, greedy.length);
        TestingSequences sequences = runner.sequences(64, 1);
        sequences.add(all);
        for (int done = 0; done < prompt.length; done += chunk) {
            sequences.step(Math.min(chunk, prompt.length - done));
        }
        int last = prompt.length - 1;
        if (logits != null) {
            float largest = 0;
            for (float v : logits) {
                largest = Math.max(largest, Math.abs(v));
            }
            assertThat(sequences.byPosition.get(0).get(last))
                    .containsExactly(logits, offset(largest * GoldenTest.F32_TOLERANCE));
        }
        for (int i = 0; i < greedy.length; i++) {
            assertThat(sequences.tokens.get(0).get(last + i)).as("token " + i).isEqualTo(greedy[i]);
            sequences.step(1);
        }
        return sequences.byPosition.get(0).get(last + greedy.length);
    }

    private static int[] ints(JsonNode node) {
        int[] values = new int[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = node.get(i).intValue();
        }
        return values;
    }
}
