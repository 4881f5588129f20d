package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against figures of a program of its own, which the design was made with. */
class RooflineTest {

    @ParameterizedTest
    @CsvSource({
        "qwen2.5-0.5b, W4, 137935",
        "llama-3.2-1b, W4, 52972",
        "llama-3.1-8b, W4, 10346",
        "qwen2.5-0.5b, W6, 412561",
        "llama-3.1-8b, W6, 28496",
        "qwen2.5-0.5b, W2, 185737",
        "llama-3.1-8b, W3, 4748",
        "qwen2.5-0.5b, B256, 482442",
        "llama-3.2-1b, B256, 188138",
        "llama-3.1-8b, B256, 35801",
        // 2 x 6,979,321,856 weights of layers a token, attention at 600 TFLOP/s, the head once.
        "llama-3.1-8b, prompts, 54371"
    })
    void tokensPerSecondAtBest(String shape, String workload, double expected) {
        assertThat(
                        Roofline.H100.perSecond(
                                BenchShape.named(shape), StandardWorkload.named(workload)))
                .isCloseTo(expected, withinPercentage(1.5));
    }

    @Test
    void eachGpuHasItsOwn() {
        assertThat(Roofline.of("GPU 0 (NVIDIA H100 80GB HBM3)")).isSameAs(Roofline.H100);
        assertThat(Roofline.of("GPU 3 (NVIDIA H200)")).isSameAs(Roofline.H200);
        assertThat(Roofline.of("CPU, a machine")).isNull();
        // One sequence is bound by memory alone.
        BenchShape shape = BenchShape.named("llama-3.1-8b");
        assertThat(
                        Roofline.H100.decodeStep(shape, 1, 192, 0)
                                / Roofline.H200.decodeStep(shape, 1, 192, 0))
                .isCloseTo(4.3 / 3, withinPercentage(0.1));
    }

    @ParameterizedTest
    @CsvSource({"qwen2.5-0.5b, 3029", "llama-3.2-1b, 1211", "llama-3.1-8b, 200"})
    void oneSequenceAtBest(String shape, double expected) {
        assertThat(1 / Roofline.H100.decodeStep(BenchShape.named(shape), 1, 192, 0))
                .isCloseTo(expected, withinPercentage(0.5));
    }
}
