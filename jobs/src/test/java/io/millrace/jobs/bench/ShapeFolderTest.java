package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.WeightBytes;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShapeFolderTest {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({"llama, true", "llama, false", "qwen2, true", "qwen3, true"})
    void anEngineRunsItAndPromptsDecideTheAnswers(String family, boolean tied) throws Exception {
        BenchShape shape = new BenchShape("tiny", family, 2, 64, 4, 2, 16, 97, 1023, tied, 10_000);
        ShapeFolder.write(shape, folder);
        long weights = shape.layerWeights() + (tied ? 1 : 2) * shape.headWeights();
        EngineOptions options =
                EngineOptions.of(folder.toString())
                        .withDevice(Device.CPU)
                        .withLoadFormat(LoadFormat.DUMMY);
        assertThat(WeightBytes.of(options).all()).isBetween(2 * weights, 2 * weights + 4_000);
        try (Engine engine = Engine.open(options)) {
            assertThat(engine.model().vocabularySize()).isEqualTo(1023);
            StandardWorkload workload = StandardWorkload.named("W1").first(3);
            TimedRun run = TimedRun.of(engine, workload.draw(1, 1023));
            Set<Integer> tokens = new HashSet<>();
            for (int request = 0; request < 3; request++) {
                for (int token : run.answer(request)) {
                    tokens.add(token);
                }
            }
            assertThat(tokens).hasSizeGreaterThan(1);
        }
    }
}
