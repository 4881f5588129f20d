package io.millrace.gpu.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Where kernels can be timed; what is timed of them, KernelTimerTest has. */
class KernelTimingsTest {
    private static final EngineOptions OPTIONS = EngineOptions.of("a-model");

    @Test
    void theCpuHasNone() throws IOException {
        assertThat(KernelTimings.arePossible(OPTIONS.withDevice("cpu"))).isFalse();
        assertThat(KernelTimings.arePossible(OPTIONS.withDevice("auto").withWeights("int8")))
                .isFalse();
    }

    @Test
    void aGpuThatIsAskedForAndCannotBeHadIsRefusedWithTheReason() {
        String reason = CudaModelRunner.reasonAgainst(EngineOptions.ANY_GPU);
        assumeTrue(reason != null, "There is a GPU.");
        assertThatThrownBy(() -> KernelTimings.arePossible(OPTIONS.withDevice("cuda")))
                .isInstanceOf(IOException.class)
                .hasMessage(reason);
    }

    @Test
    void optionsThatDoNotGoTogetherAreRefused() {
        assertThatThrownBy(
                        () ->
                                KernelTimings.arePossible(
                                        OPTIONS.withDevice("cuda").withWeights("int8")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("INT8 weights run on the CPU");
    }
}
