package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SegmentationTest {
    private static final int H100 = 132;
    private static final int[] GPUS = {1, 17, 58, 108, H100, 148, 1023};

    /** A bucket's, or fewer where a step has fewer rows. */
    private static final int[] TOKENS = {
        1, 7, 16, 17, 32, 54, 64, 65, 97, 128, 129, 256, 257, 384, 512, 513, 1023, 2048
    };

    private static final CudaMatrix SMALL_OUTPUT = CudaMatrix.of(null, 896, 896);
    private static final CudaMatrix SMALL_DOWN = CudaMatrix.of(null, 896, 4864);
    private static final CudaMatrix LARGE_OUTPUT = CudaMatrix.of(null, 4096, 4096);

    /** Of Qwen2.5-0.5B, Llama-3.2-1B and 3.1-8B and Qwen3-0.6B, and odd ones. */
    private static List<CudaMatrix> weights() {
        int[][] shapes = {
            {1152, 896},
            {896, 896},
            {9728, 896},
            {896, 4864},
            {151_936, 896},
            {3072, 2048},
            {2048, 2048},
            {16_384, 2048},
            {2048, 8192},
            {128_256, 2048},
            {6144, 4096},
            {4096, 4096},
            {28_672, 4096},
            {4096, 14_336},
            {128_256, 4096},
            {4096, 1024},
            {1024, 2048},
            {6144, 1024},
            {1024, 3072},
            {151_936, 1024},
            {1, 1},
            {17, 97},
            {54, 895},
            {97, 896},
            {1023, 1791},
            {897, 3601},
            {6145, 3584},
            {8192, 28_672},
        };
        List<CudaMatrix> weights = new ArrayList<>();
        for (int[] shape : shapes) {
            weights.add(CudaMatrix.of(null, shape[0], shape[1]));
            weights.add(CudaMatrix.of(null, shape[0], shape[1]).added());
        }
        return weights;
    }

    private static int free(CudaMatrix weight, int tokens) {
        return Segmentation.FREE.segments(weight, tokens, H100);
    }

    @Test
    void byTheContractAWeightIsCutTheSameForAllTokensAndGpus() {
        for (CudaMatrix weight : weights()) {
            for (int tokens : TOKENS) {
                for (int gpu : GPUS) {
                    int segments = Segmentation.CONTRACT.segments(weight, tokens, gpu);
                    assertThat(segments)
                            .isIn(
                                    Numerics.segments(weight.rows(), weight.k()),
                                    Numerics.addedSegments(weight.rows(), weight.k()));
                    assertThat(weight.withSegments(segments)).isSameAs(weight);
                }
            }
        }
    }

    @Test
    void freeOfItFewTokensAreCutAsByItAndManyLess() {
        for (CudaMatrix weight : weights()) {
            assertThat(free(weight, 1))
                    .as(weight.toString())
                    .isEqualTo(Numerics.segments(weight.rows(), weight.k()));
        }
        assertThat(List.of(1, 16, 64, 128, 256, 512, 2048))
                .extracting(tokens -> free(SMALL_OUTPUT, tokens))
                .containsExactly(2, 2, 2, 2, 2, 2, 1);
        assertThat(List.of(1, 16, 64, 128, 256, 512, 2048))
                .extracting(tokens -> free(SMALL_DOWN, tokens))
                .containsExactly(8, 8, 8, 8, 4, 2, 1);
        assertThat(List.of(1, 16, 64, 128, 129, 256, 2048))
                .extracting(tokens -> free(LARGE_OUTPUT, tokens))
                .containsExactly(2, 2, 2, 2, 1, 1, 1);
    }

    @Test
    void freeOfItTheGpuCounts() {
        assertThat(Segmentation.FREE.segments(LARGE_OUTPUT, 1, 58)).isEqualTo(1);
        assertThat(Segmentation.FREE.segments(LARGE_OUTPUT, 1, 1023)).isEqualTo(8);
        assertThat(Segmentation.FREE.segments(SMALL_DOWN, 256, 108)).isEqualTo(4);
        assertThat(Segmentation.FREE.segments(SMALL_DOWN, 256, 58)).isEqualTo(2);
    }

    @Test
    void everyCutHasAKernelAndChainsOfSomeLength() {
        for (CudaMatrix weight : weights()) {
            for (int tokens : TOKENS) {
                for (int gpu : GPUS) {
                    int segments = Segmentation.FREE.segments(weight, tokens, gpu);
                    assertThat(segments).isIn(1, 2, 4, 8);
                    assertThat(segments == 1 || Numerics.pad(weight.k()) / segments >= 448)
                            .as("%s, %d tokens, %d segments", weight, tokens, segments)
                            .isTrue();
                    KernelLaunch launch = launch(weight, tokens, segments);
                    assertThat(launch.kernel())
                            .matches("matmul_bf16_((16|32|64|128)(x[248])?|large)");
                    assertThat(launch.z())
                            .isEqualTo(launch.kernel().endsWith("large") ? 1 : segments);
                    assertThat(launch.kernel().endsWith("large") && segments > 1).isFalse();
                }
            }
        }
    }

    private static KernelLaunch launch(CudaMatrix weight, int tokens, int segments) {
        return Launches.matmul("bf16", tokens, weight.rows(), segments);
    }

    @Test
    void scratchForTheFewestTokensIsEnoughForAll() {
        for (CudaMatrix weight : weights()) {
            for (int gpu : GPUS) {
                int most = Segmentation.FREE.segments(weight, 1, gpu);
                for (int tokens : TOKENS) {
                    int segments = Segmentation.FREE.segments(weight, tokens, gpu);
                    assertThat(segments).isLessThanOrEqualTo(most);
                    KernelLaunch launch = launch(weight, tokens, segments);
                    if (segments > 1) {
                        int tile = launch.sharedBytes() / stages(launch) / 128 - 64;
                        assertThat(64L * tile * Float.BYTES * launch.x() * launch.y() * segments)
                                .isLessThanOrEqualTo(
                                        Launches.matmulPartials(tokens, weight.rows(), most));
                        assertThat(launch.x() * launch.y())
                                .isLessThanOrEqualTo(Launches.matmulArrivals(weight.rows()));
                    }
                }
            }
        }
    }

    private static int stages(KernelLaunch launch) {
        return launch.kernel().contains("_128") ? 4 : launch.kernel().contains("_16") ? 8 : 6;
    }
}
