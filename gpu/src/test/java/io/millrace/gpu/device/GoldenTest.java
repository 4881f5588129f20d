package io.millrace.gpu.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cpu.CpuRecording;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.RetypedModel;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The model that ships, and a tiny random one of each family, against what Hugging Face
 * transformers computed in F32: golden.json beside the first; golden/make_goldens.py made the
 * others. Here on the CPU; other devices extend it.
 */
class GoldenTest {
    /** Of the largest logit: the deviation of what computes in F32. */
    static final float F32_TOLERANCE = 1e-4f;

    private static final Path FAMILIES = Path.of("src", "test", "resources", "golden");
    private static final int BLOCK = 16;
    private static final Path MODEL = Path.of("..", "models", "triage");
    private static final int CHUNK = 128;
    private static final int CONTEXT = 640;

    /** The device's runner. */
    RecordingModelRunner open(ModelFolder folder, EngineOptions options) throws IOException {
        return CpuRecording.open(folder, options);
    }

    /** How far logits may be from those of transformers, by the largest of them. */
    float tolerance(RecordingModelRunner runner) {
        return F32_TOLERANCE;
    }

    @Test
    void logitsAndGreedyTokensAreThoseOfTransformers() throws IOException {
        JsonNode golden = new ObjectMapper().readTree(MODEL.resolve("train/golden.json").toFile());
        EngineOptions options =
                EngineOptions.of(MODEL.toString()).withMaxBatchedTokens(CHUNK).withMaxSequences(1);
        try (RecordingModelRunner runner = open(ModelFolder.open(MODEL), options)) {
            for (JsonNode oneCase : golden.get("cases")) {
                assertGolden(runner, oneCase);
            }
        }
        assertThat(golden.get("cases")).isNotEmpty();
    }

    @TempDir Path dir;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama",
                "qwen2",
                "qwen2-window",
                "qwen3",
                "mistral",
                "ministral",
                "phi3",
                "starcoder2",
                "gpt2"
            })
    void everyFamilyComputesWhatTransformersDoes(String family) throws IOException {
        Path golden = FAMILIES.resolve(family);
        for (String file : new String[] {"config.json", "model.safetensors"}) {
            Files.copy(golden.resolve(file), dir.resolve(file));
        }
        Files.writeString(dir.resolve("tokenizer.json"), "{}");
        assertFamily(golden, dir);
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen2", "qwen2-window", "phi3"})
    void whatHas16BitsComputesTheSameInF32(String family) throws IOException {
        Path golden = FAMILIES.resolve(family);
        assertFamily(golden, RetypedModel.write(golden, DType.F32, dir));
    }

    private void assertFamily(Path golden, Path model) throws IOException {
        JsonNode cases =
                new ObjectMapper().readTree(golden.resolve("expected.json").toFile()).get("cases");
        Map<String, Tensor> logits = SafeTensors.open(golden.resolve("expected.safetensors"));
        assertThat(cases).hasSize(5);
        EngineOptions options =
                EngineOptions.of(model.toString())
                        .withMaxBatchedTokens(64)
                        .withMaxSequences(1)
                        .withBlockSize(BLOCK);
        try (RecordingModelRunner runner = open(ModelFolder.open(model), options)) {
            for (JsonNode oneCase : cases) {
                int[] prompt = ints(oneCase.get("prompt"));
                Tensor tensor = logits.get("logits." + prompt.length);
                float[] expected = tensor.readFloats();
                for (int chunk : new int[] {64, BLOCK, 5, 1}) {
                    assertCase(runner, prompt, ints(oneCase.get("greedy")), expected, chunk);
                }
            }
        }
    }

    /** The expected logits are of the prompt's last positions, as many as there are. */
    private void assertCase(
            RecordingModelRunner runner, int[] prompt, int[] greedy, float[] expected, int chunk) {
        assertThat(greedy).hasSize(32);
        int[] all = Arrays.copyOf(prompt, prompt.length + greedy.length);
        System.arraycopy(greedy, 0, all, prompt.length, greedy.length);
        TestingSequences sequences = runner.sequences(64, 1);
        sequences.add(all);
        for (int done = 0; done < prompt.length; done += chunk) {
            sequences.step(Math.min(chunk, prompt.length - done));
        }
        int vocabulary = runner.vocabularySize();
        int first = prompt.length - expected.length / vocabulary;
        sequences
                .byPosition
                .get(0)
                .forEach(
                        (position, row) -> {
                            if (position >= first) {
                                int from = (position - first) * vocabulary;
                                assertNear(
                                        row,
                                        Arrays.copyOfRange(expected, from, from + vocabulary),
                                        tolerance(runner));
                            }
                        });
        for (int i = 0; i < greedy.length; i++) {
            int position = prompt.length - 1 + i;
            assertToken(
                    "token %d after %d".formatted(i, prompt.length),
                    sequences.tokens.get(0).get(position),
                    greedy[i],
                    sequences.byPosition.get(0).get(position),
                    tolerance(runner));
            sequences.step(1);
        }
    }

    /**
     * Each logit within the tolerance, and all of them, by root mean square, within a third of it.
     */
    private void assertNear(float[] actual, float[] expected, float tolerance) {
        float largest = 0;
        double squares = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double error = actual[i] - expected[i];
            squares += error * error;
        }
        assertThat(actual).containsExactly(expected, offset(largest * tolerance));
        assertThat(Math.sqrt(squares / expected.length)).isLessThan(largest * tolerance / 3);
    }

    private void assertGolden(RecordingModelRunner runner, JsonNode golden) {
        int[] prompt = ints(golden.get("prompt_ids"));
        int[] greedy = ints(golden.get("greedy_ids"));
        StepBatch batch = new StepBatch(CHUNK, 1);
        StepOutput output = new StepOutput(1);
        batch.rows = 1;
        batch.blockTables[0] = new int[CONTEXT / runner.blockSize()];
        for (int i = 0; i < batch.blockTables[0].length; i++) {
            batch.blockTables[0][i] = i + 1;
        }
        batch.sample(0, 1, new SamplingRow(SamplingParameters.greedy(1), 0, 0, prompt));
        for (int done = 0; done < prompt.length; done += CHUNK) {
            batch.tokens = Math.min(CHUNK, prompt.length - done);
            for (int i = 0; i < batch.tokens; i++) {
                batch.tokenIds[i] = prompt[done + i];
                batch.positions[i] = done + i;
            }
            step(runner, batch, output);
        }
        String id = golden.get("id").asText();
        assertLogits(id, runner.lastLogits(0), golden, tolerance(runner));
        for (int i = 0; i < greedy.length; i++) {
            assertToken(
                    "token %d of %s".formatted(i, id),
                    output.tokenIds[0],
                    greedy[i],
                    runner.lastLogits(0),
                    tolerance(runner));
            batch.tokens = 1;
            batch.tokenIds[0] = greedy[i];
            batch.positions[0] = prompt.length + i;
            if (i + 1 < greedy.length) {
                step(runner, batch, output);
            }
        }
    }

    private static void step(RecordingModelRunner runner, StepBatch batch, StepOutput output) {
        batch.rowStart[1] = batch.tokens;
        runner.run(batch, output);
    }

    /** Where two tokens are nearer than the error, a device of less precision may take either. */
    private void assertToken(String what, int token, int golden, float[] logits, float tolerance) {
        if (tolerance > F32_TOLERANCE && token != golden) {
            float largest = 0;
            for (float v : logits) {
                largest = Math.max(largest, Math.abs(v));
            }
            assertThat(logits[token] - logits[golden])
                    .as("%s is %d in place of %d, by this much", what, token, golden)
                    .isBetween(0f, 2 * tolerance * largest);
            return;
        }
        assertThat(token).as(what).isEqualTo(golden);
    }

    private void assertLogits(String id, float[] logits, JsonNode golden, float relative) {
        JsonNode topIds = golden.get("top_ids");
        JsonNode topLogits = golden.get("top_logits");
        float tolerance = topLogits.get(0).floatValue() * relative;
        for (int i = 0; i < topIds.size(); i++) {
            assertThat(logits[topIds.get(i).intValue()])
                    .as("logit of token %s of %s", topIds.get(i), id)
                    .isEqualTo(topLogits.get(i).floatValue(), offset(tolerance));
        }
        JsonNode first = golden.get("first_logits");
        for (int i = 0; i < first.size(); i++) {
            assertThat(logits[i])
                    .as("logit of token %d of %s", i, id)
                    .isEqualTo(first.get(i).floatValue(), offset(tolerance));
        }
    }

    private static int[] ints(JsonNode node) {
        int[] values = new int[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = node.get(i).intValue();
        }
        return values;
    }
}
