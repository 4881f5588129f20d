package io.millrace.gpu.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Where kernels can be timed; what is timed of them, KernelTimerTest has. */
class KernelTimingsTest {
    private static final EngineOptions OPTIONS = EngineOptions.of("a-model");

    @Test
    void theCpuHasNone() throws IOException {
        assertThat(KernelTimings.arePossible(OPTIONS.withDevice(Device.CPU))).isFalse();
        assertThat(
                        KernelTimings.arePossible(
                                OPTIONS.withDevice(Device.AUTO).withWeights(Weights.INT8)))
                .isFalse();
    }

    @Test
    void aGpuThatIsAskedForAndCannotBeHadIsRefusedWithTheReason() {
        String reason = CudaModelRunner.reasonAgainst(EngineOptions.ANY_GPU);
        assumeTrue(reason != null, "There is a GPU.");
        assertThatThrownBy(() -> KernelTimings.arePossible(OPTIONS.withDevice(Device.CUDA)))
                .isInstanceOf(IOException.class)
                .hasMessage(reason);
    }

    @Test
    void optionsThatDoNotGoTogetherAreRefused() {
        assertThatThrownBy(
                        () ->
                                KernelTimings.arePossible(
                                        OPTIONS.withDevice(Device.CUDA).withWeights(Weights.INT8)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("INT8 weights run on the CPU");
    }
}
