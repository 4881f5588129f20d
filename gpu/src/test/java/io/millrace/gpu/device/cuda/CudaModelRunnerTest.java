package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is refused, and decided, before any GPU is asked for. */
class CudaModelRunnerTest {
    private static final EngineOptions OPTIONS = EngineOptions.of("tiny");

    @TempDir Path dir;

    @Test
    void refusesBlocksThatTheLayoutDoesNotKnow() {
        assertRefused(TinyModels.llama(), OPTIONS.withBlockSize(12), "12", "multiple of 8");
    }

    @Test
    void refusesHeadsThatNoKernelTakes() {
        assertRefused(
                TinyModels.llama().heads(1, 1, 136), OPTIONS, "heads of 136", "128", "device cpu");
    }

    @Test
    void kernelsBeginEarlyWhereThatWasMeasuredToBeFasterOrIsAskedFor() {
        assertThat(new Overlap(null).applies()).isTrue();
        assertThat(new Overlap(null).settles(2048, 2048)).isFalse();
        assertThat(new Overlap(null).settles(4096, 128)).isFalse();
        assertThat(new Overlap(null).settles(4096, 256)).isTrue();
        assertThat(new Overlap("true").applies()).isTrue();
        assertThat(new Overlap("true").settles(4096, 256)).isFalse();
        assertThat(new Overlap("false").applies()).isFalse();
    }

    private void assertRefused(TinyModels model, EngineOptions options, String... parts) {
        assumeTrue(
                KernelIndex.class.getResource("kernels.index") != null,
                "This build has no GPU kernels.");
        assertThatThrownBy(() -> open(model, options))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(parts);
    }

    private void open(TinyModels model, EngineOptions options) throws IOException {
        ModelFolder folder = ModelFolder.open(model.write(dir));
        CudaModelRunner.open(folder, options, LoadProgress.NONE).close();
    }
}
