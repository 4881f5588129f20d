package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NumericsTest {

    @Test
    void smallWeightsAreCutUntilTheyFillAGpuOrTheirChainsAreShort() {
        // Qwen2.5-0.5B: qkv, o, gate and up, down, head
        assertThat(Numerics.segments(1152, 896)).isEqualTo(2);
        assertThat(Numerics.segments(896, 896)).isEqualTo(2);
        assertThat(Numerics.segments(9728, 896)).isEqualTo(1);
        assertThat(Numerics.segments(896, 4864)).isEqualTo(8);
        assertThat(Numerics.segments(151936, 896)).isEqualTo(1);
        // Llama-3.1-8B: qkv, o, gate and up, down
        assertThat(Numerics.segments(6144, 4096)).isEqualTo(1);
        assertThat(Numerics.segments(4096, 4096)).isEqualTo(2);
        assertThat(Numerics.segments(28672, 4096)).isEqualTo(1);
        assertThat(Numerics.segments(4096, 14336)).isEqualTo(2);
        assertThat(Numerics.segments(17, 97)).isEqualTo(1);
    }

    @Test
    void whatIsAddedToTheResidualStreamIsCutInTwoAtLeastIfItIsLong() {
        // Llama-3.1-70B: o and down; Llama-3.1-8B: o; Qwen2.5-0.5B: down
        assertThat(Numerics.segments(8192, 8192)).isEqualTo(1);
        assertThat(Numerics.addedSegments(8192, 8192)).isEqualTo(2);
        assertThat(Numerics.addedSegments(8192, 28672)).isEqualTo(2);
        assertThat(Numerics.addedSegments(4096, 4096)).isEqualTo(2);
        assertThat(Numerics.addedSegments(896, 4864)).isEqualTo(8);
        assertThat(Numerics.addedSegments(6200, 896)).isEqualTo(2);
        assertThat(Numerics.addedSegments(6200, 832)).isEqualTo(1);
        assertThat(Numerics.addedSegments(17, 97)).isEqualTo(1);
    }

    @Test
    void fingerprintNamesArchitecturePathTypeContractAndTable() {
        assertThat(Numerics.fingerprint(90, "bf16", Segmentation.CONTRACT))
                .isEqualTo("cuda-sm90-mma-bf16-2-6871d9c9");
        assertThat(Numerics.fingerprint(80, "f32", Segmentation.CONTRACT))
                .isEqualTo("cuda-sm80-ffma-f32-2-6871d9c9");
    }

    @Test
    void freeNumericsHaveAFingerprintOfTheirOwn() {
        assertThat(Numerics.fingerprint(90, "bf16", Segmentation.FREE))
                .isEqualTo(Numerics.fingerprint(90, "bf16", Segmentation.CONTRACT) + "-free");
    }

    @Test
    void scaleIsForBaseTwoOnTensorCores() {
        assertThat(Numerics.attentionScale(64, false)).isEqualTo(0.125f);
        assertThat(Numerics.attentionScale(64, true)).isEqualTo((float) (1 / Math.log(2) / 8));
    }
}
