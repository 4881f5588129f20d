package io.millrace.gpu.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.device.cpu.CpuRecording;
import io.millrace.gpu.device.cuda.CudaRecording;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.RetypedModel;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family on a GPU in BF16, F16 and F32, fed with given tokens, against the CPU's F32 over the
 * same weights: logits are near, and the likeliest token is the same wherever it is likelier than
 * the next by more than the error that was measured.
 */
@RequiresGpu
class CudaTypesTest {
    private static final Path FAMILIES = Path.of("src", "test", "resources", "golden");
    private static final int LENGTH = 97;

    /** Writes its weights in that type. */
    @FunctionalInterface
    private interface Model {
        Path write(DType type, Path to) throws IOException;
    }

    private static AutoCloseable held;

    @TempDir Path dir;

    @BeforeAll
    static void hold() throws IOException {
        held = CudaRecording.hold();
    }

    @AfterAll
    static void letGo() throws Exception {
        held.close();
    }

    static Stream<Arguments> grid() {
        return Stream.of(DType.BF16, DType.F16, DType.F32)
                .flatMap(
                        type ->
                                MODELS.keySet().stream()
                                        .sorted()
                                        .map(name -> Arguments.of(name, type)));
    }

    private static final Map<String, Model> MODELS =
            Map.ofEntries(
                    golden("llama"),
                    golden("qwen2"),
                    golden("qwen2-window"),
                    golden("qwen3"),
                    golden("mistral"),
                    golden("gpt2"),
                    tiny("group of 7, heads of 64", TinyModels.qwen2().heads(7, 1, 64)),
                    tiny("group of 7, heads of 128", TinyModels.llama().heads(7, 1, 128)),
                    tiny("heads of 24, normed", TinyModels.qwen3().hidden(54).heads(3, 1, 24)),
                    tiny("heads of 96, normed", TinyModels.qwen3().heads(4, 2, 96)),
                    tiny("window of 17", TinyModels.mistral(17).heads(6, 2, 8).layers(3)),
                    tiny("linear rope", scaled("linear")),
                    tiny("llama3 rope", scaled("llama3")));

    private static Map.Entry<String, Model> golden(String family) {
        return Map.entry(
                family, (type, to) -> RetypedModel.write(FAMILIES.resolve(family), type, to));
    }

    private static Map.Entry<String, Model> tiny(String name, TinyModels model) {
        return Map.entry(name, (type, to) -> model.dtype(type).write(to));
    }

    private static TinyModels scaled(String type) {
        return TinyModels.llama()
                .config(
                        c -> {
                            ObjectNode scaling =
                                    c.putObject("rope_scaling")
                                            .put("rope_type", type)
                                            .put("factor", 4.0);
                            if (type.equals("llama3")) {
                                scaling.put("low_freq_factor", 1.0)
                                        .put("high_freq_factor", 4.0)
                                        .put("original_max_position_embeddings", 64);
                            }
                        });
    }

    @ParameterizedTest
    @MethodSource("grid")
    void logitsAreNearThoseOfTheCpu(String name, DType type) throws IOException {
        Path model = MODELS.get(name).write(type, dir);
        List<float[]> expected;
        List<float[]> actual;
        EngineOptions options =
                EngineOptions.of(model.toString()).withMaxBatchedTokens(LENGTH).withMaxSequences(1);
        ModelFolder folder = ModelFolder.open(model);
        List<int[]> sequences = sequences(name, folder.vocabularySize());
        try (RecordingModelRunner cpu = CpuRecording.open(folder, options)) {
            expected = logits(cpu, sequences);
        }
        try (RecordingModelRunner gpu = CudaRecording.open(folder, options)) {
            actual = logits(gpu, sequences);
        }
        double worst = 0;
        double error = 0;
        double size = 0;
        for (int i = 0; i < expected.size(); i++) {
            for (int token = 0; token < expected.get(i).length; token++) {
                double want = expected.get(i)[token];
                double difference = actual.get(i)[token] - want;
                worst = Math.max(worst, Math.abs(difference));
                error += difference * difference;
                size += want * want;
            }
        }
        int same = 0;
        for (int i = 0; i < expected.size(); i++) {
            float[] want = expected.get(i);
            int likeliest = likeliest(want, -1);
            int taken = likeliest(actual.get(i), -1);
            double gap = want[likeliest] - want[likeliest(want, likeliest)];
            same += taken == likeliest ? 1 : 0;
            // Both logits may be off by as much.
            if (gap > 2 * worst) {
                assertThat(taken).as("likeliest of row %d", i).isEqualTo(likeliest);
            }
        }
        double relative = Math.sqrt(error / size);
        System.out.printf(
                "%s in %s: relative error %.2e, %d of %d tokens the same%n",
                name, type, relative, same, expected.size());
        assertThat(relative).isLessThan(bound(type));
        assertThat(same).isGreaterThanOrEqualTo(expected.size() * 9 / 10);
    }

    private static double bound(DType type) {
        return switch (type) {
            case BF16 -> 0.02;
            case F16 -> 0.0025;
            default -> 1e-5;
        };
    }

    /** What transformers went on with, where it is known; else anything. */
    private static List<int[]> sequences(String name, int vocabulary) throws IOException {
        Path golden = FAMILIES.resolve(name).resolve("expected.json");
        List<int[]> sequences = new ArrayList<>();
        if (golden.toFile().exists()) {
            for (JsonNode one : new ObjectMapper().readTree(golden.toFile()).get("cases")) {
                sequences.add(
                        Stream.of(one.get("prompt"), one.get("greedy"))
                                .flatMapToInt(CudaTypesTest::ints)
                                .toArray());
            }
        } else {
            sequences.add(TestingSequences.randomTokens(LENGTH, vocabulary, 21));
        }
        return sequences;
    }

    private static IntStream ints(JsonNode node) {
        return IntStream.range(0, node.size()).map(i -> node.get(i).intValue());
    }

    /** The first tokens at once, the others one by one. */
    private static List<float[]> logits(RecordingModelRunner runner, List<int[]> all) {
        List<float[]> logits = new ArrayList<>();
        for (int[] tokens : all) {
            TestingSequences sequences = runner.sequences(LENGTH, 1);
            int sequence = sequences.add(tokens);
            sequences.step(Math.max(1, tokens.length - 54));
            sequences.feed(sequence, 1);
            logits.addAll(sequences.byPosition.get(sequence).values());
        }
        return logits;
    }

    private static int likeliest(float[] logits, int besides) {
        int best = -1;
        for (int i = 0; i < logits.length; i++) {
            if (i != besides && (best < 0 || logits[i] > logits[best])) {
                best = i;
            }
        }
        return best;
    }
}
