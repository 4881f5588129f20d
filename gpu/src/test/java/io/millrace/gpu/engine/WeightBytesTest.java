package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.bench.MemoryBandwidth;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightBytesTest {
    @TempDir Path folder;

    @Test
    void aStepReadsAllButAnEmbeddingThatIsNoHead() throws IOException {
        TinyModels model = TinyModels.llama().hidden(32).vocabulary(320).dtype(DType.BF16);
        WeightBytes tied = WeightBytes.of(options(model.tied(true), "tied"));
        WeightBytes untied = WeightBytes.of(options(model.tied(false), "untied"));

        long table = 320 * 32 * 2;
        assertThat(tied.perStep()).isEqualTo(tied.all()).isGreaterThan(table);
        assertThat(untied.all()).isEqualTo(tied.all() + table);
        assertThat(untied.perStep()).isEqualTo(tied.perStep());
    }

    @Test
    void int8TakesAByteForAWeightOfAMatrix() throws IOException {
        TinyModels model = TinyModels.gpt2().hidden(32).heads(4, 4, 8).intermediate(97).layers(3);
        for (boolean tied : new boolean[] {true, false}) {
            EngineOptions options = options(model.tied(tied), "tied " + tied);
            WeightBytes floats = WeightBytes.of(options);
            WeightBytes bytes = WeightBytes.of(options.withWeights(Weights.INT8));

            long matrices = 3 * (3 * 32 * 32 + 32 * 32 + 2 * 32 * 97) + 320 * 32;
            long tables = (320 + 256) * 32 * 4;
            long vectors = 4 * (3 * (3 * 32 + 32 + 97 + 32 + 4 * 32) + 2 * 32);
            assertThat(floats.all())
                    .isEqualTo(4 * matrices + vectors + tables - (tied ? 4 * 320 * 32 : 0));
            assertThat(bytes.all()).isEqualTo(matrices + vectors + tables);
            assertThat(bytes.perStep()).isEqualTo(matrices + vectors);
        }
    }

    private EngineOptions options(TinyModels model, String name) {
        return EngineOptions.of(model.write(folder.resolve(name)).toString());
    }

    @Test
    void readingMemoryHasASpeed() throws InterruptedException {
        assertThat(MemoryBandwidth.measure(17 << 20, 3, 0)).isPositive();
    }
}
