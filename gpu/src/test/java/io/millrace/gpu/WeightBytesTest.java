package io.millrace.gpu;

import static org.assertj.core.api.Assertions.assertThat;

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
        WeightBytes tied = WeightBytes.of(model.tied(true).write(folder.resolve("tied")));
        WeightBytes untied = WeightBytes.of(model.tied(false).write(folder.resolve("untied")));

        long table = 320 * 32 * 2;
        assertThat(tied.perStep()).isEqualTo(tied.all()).isGreaterThan(table);
        assertThat(untied.all()).isEqualTo(tied.all() + table);
        assertThat(untied.perStep()).isEqualTo(tied.perStep());
    }

    @Test
    void readingMemoryHasASpeed() throws InterruptedException {
        assertThat(MemoryBandwidth.measure(17 << 20, 3, 0)).isPositive();
    }
}
