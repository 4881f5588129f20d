package io.millrace.gpu.device.cuda.timing;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is timed of tiny models; how long it takes does not matter. */
@RequiresGpu
class KernelTimerTest {
    private static final List<KernelCase> STEPS =
            List.of(
                    new KernelCase(3, 1, 17, true),
                    new KernelCase(5, 1, 53, false),
                    new KernelCase(2, 54, 0, true),
                    // Longer than the context.
                    new KernelCase(1, 1, 1023, true));

    @TempDir Path dir;

    @Test
    void everyOpOfAStepIsTimedAndAllIsGivenBack() throws IOException {
        List<KernelTiming> timings = timings(TinyModels.qwen2().dtype(DType.BF16));
        assertThat(timings)
                .extracting(timing -> timing.op().label() + " " + timing.tokens())
                .containsExactly(
                        "qkv 3",
                        "o 3",
                        "gate+up 3",
                        "down 3",
                        "norm 3",
                        "decode attention 3",
                        "head 3",
                        "sampling 3",
                        "step 3",
                        "decode attention 5",
                        "qkv 108",
                        "o 108",
                        "gate+up 108",
                        "down 108",
                        "norm 108",
                        "prefill attention 108");
    }

    @Test
    void modelsWithoutGatesOrWithWindowsOrOfOtherTypesAreTimedAsWell() throws IOException {
        assertThat(timings(TinyModels.gpt2().dtype(DType.F16)))
                .extracting(KernelTiming::op)
                .contains(Op.UP)
                .doesNotContain(Op.GATED_UP);
        assertThat(timings(TinyModels.mistral(17).dtype(DType.BF16))).isNotEmpty();
        assertThat(timings(TinyModels.llama().dtype(DType.F32))).isNotEmpty();
    }

    private List<KernelTiming> timings(TinyModels model) throws IOException {
        ModelFolder folder =
                ModelFolder.open(model.context(97).write(Files.createTempDirectory(dir, "model")));
        // It throws on closing if anything is left.
        try (KernelTimer timer =
                KernelTimer.open(folder, EngineOptions.of("tiny"), STEPS, LoadProgress.NONE)) {
            List<KernelTiming> timings = timer.time(3);
            assertThat(timings)
                    .allSatisfy(
                            timing -> {
                                assertThat(timing.micros())
                                        .as(timing.toString())
                                        .isBetween(0.1, 1e5);
                                assertThat(timing.bytes()).as(timing.toString()).isPositive();
                                assertThat(timing.operations()).as(timing.toString()).isPositive();
                            });
            assertThat(timer.device()).startsWith("GPU 0 (");
            return timings;
        }
    }
}
