package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import org.junit.jupiter.api.Test;

class LaunchesTest {
    private static final AttentionShape QWEN = new AttentionShape(24, 14, 2, 64);
    private static final AttentionShape LLAMA_1B = new AttentionShape(16, 32, 8, 64);
    private static final AttentionShape LLAMA_8B = new AttentionShape(32, 32, 8, 128);

    private static final DeviceLimits AMPERE = limits(80, 163);
    private static final DeviceLimits HOPPER = limits(90, 227);

    private static final int[] TOKENS = {1, 16, 17, 54, 97, 128, 256, 257, 512, 513, 1023, 2048};

    private static DeviceLimits limits(int capability, int sharedKb) {
        return new DeviceLimits(
                capability, 1024, sharedKb << 10, Integer.MAX_VALUE, 65_535, 65_535);
    }

    @Test
    void aProductsGridCoversEveryTileOnce() {
        for (int tokens : TOKENS) {
            for (int rows : new int[] {17, 1152, 4096, 28672}) {
                KernelLaunch launch = Launches.matmul("bf16", tokens, rows, 2);
                boolean large = launch.kernel().endsWith("large");
                int width = width(launch.kernel());
                int tiles = (rows + 63) / 64;
                assertThat(launch.x()).isEqualTo((tokens + width - 1) / width);
                assertThat(launch.y()).isEqualTo(large ? (tiles + 1) / 2 : tiles);
                assertThat(launch.z()).isEqualTo(large ? 1 : 2);
                assertThat(launch.sharedBytes()).isLessThanOrEqualTo(99 << 10);
            }
        }
    }

    private static int width(String kernel) {
        return kernel.endsWith("large")
                ? 128
                : Integer.parseInt(kernel.substring("matmul_bf16_".length()).replaceAll("x.*", ""));
    }

    @Test
    void tilesAreNoWiderThanTheTokensAndKeepTheGpuBusy() {
        assertThat(Launches.matmul("bf16", 1, 151936, 1).kernel()).isEqualTo("matmul_bf16_16");
        assertThat(Launches.matmul("bf16", 17, 151936, 1).kernel()).isEqualTo("matmul_bf16_32");
        assertThat(Launches.matmul("bf16", 54, 9728, 1).kernel()).isEqualTo("matmul_bf16_64");
        assertThat(Launches.matmul("bf16", 97, 9728, 1).kernel()).isEqualTo("matmul_bf16_128");
        assertThat(Launches.matmul("bf16", 97, 28672, 1).kernel()).isEqualTo("matmul_bf16_large");
        assertThat(Launches.matmul("bf16", 54, 896, 2).kernel()).isEqualTo("matmul_bf16_16x2");
        assertThat(Launches.matmul("bf16", 128, 896, 8).kernel()).isEqualTo("matmul_bf16_128x8");
        assertThat(Launches.matmul("f16", 513, 64, 1).kernel()).isEqualTo("matmul_f16_large");
        assertThat(Launches.matmul("f32", 257, 64, 1).kernel()).isEqualTo("matmul_f32");
    }

    @Test
    void partialSumsHaveRoomForEveryTile() {
        for (int tokens : TOKENS) {
            for (int rows : new int[] {64, 896, 2048}) {
                KernelLaunch launch = Launches.matmul("bf16", tokens, rows, 8);
                if (launch.kernel().endsWith("large")) {
                    continue;
                }
                long tile = 64L * width(launch.kernel()) * Float.BYTES;
                assertThat(tile * launch.x() * launch.y() * launch.z())
                        .isLessThanOrEqualTo(Launches.matmulPartials(tokens, rows, 8));
                assertThat(launch.x() * launch.y())
                        .isLessThanOrEqualTo(Launches.matmulArrivals(rows));
            }
        }
        assertThat(Launches.matmulPartials(1, 896, 1)).isZero();
    }

    @Test
    void aHeadThatDrawsHasTheGridOfItsProduct() {
        for (int tokens : new int[] {1, 17, 64, 65, 97, 256}) {
            for (int rows : new int[] {1, 97, 32_000, 151_936}) {
                KernelLaunch matmul = Launches.matmul("bf16", tokens, rows, 1);
                KernelLaunch head = Launches.head("bf16", tokens, rows);
                assertThat(head.kernel()).isEqualTo(matmul.kernel().replace("matmul", "head"));
                assertThat(head.x()).isEqualTo(matmul.x());
                assertThat(head.y()).isEqualTo(matmul.y());
                assertThat(head.threads()).isEqualTo(matmul.threads());
                assertThat(head.sharedBytes()).isEqualTo(matmul.sharedBytes());
            }
        }
        assertThat(Launches.head("f16", 64, 151_936).kernel()).isEqualTo("head_f16_64");
    }

    @Test
    void decodeFillsTheGpuAndPrefillCoversItsPairs() {
        KernelLaunch qwen = Launches.attentionDecode("bf16", QWEN, 1, 132, AMPERE, true);
        assertThat(qwen.kernel()).isEqualTo("attention_decode_bf16_64");
        assertThat(qwen.x() * qwen.y()).isEqualTo(4 * 132);
        KernelLaunch llama = Launches.attentionDecode("bf16", LLAMA_8B, 1, 132, AMPERE, true);
        assertThat(llama.kernel()).isEqualTo("attention_decode_bf16_128");
        assertThat(3 * (llama.sharedBytes() + 1024 + 512)).isLessThanOrEqualTo(227 << 10);
        // 396 fit, and eight heads each have as many: not one more, which would begin when others
        // end.
        assertThat(llama.x() * llama.y()).isEqualTo(49 * 8);
        KernelLaunch small = Launches.attentionCascade("bf16", LLAMA_1B, 132);
        assertThat(small.kernel()).isEqualTo("attention_cascade_bf16_64");
        assertThat(small.x() * small.y()).isEqualTo(49 * 8);
        assertThat(Launches.attentionCascade("bf16", LLAMA_8B, 1).x()).isEqualTo(1);
        AttentionShape wide = new AttentionShape(1, 40, 2, 64);
        assertThat(Launches.attentionDecode("bf16", wide, 1, 1, AMPERE, true).y()).isEqualTo(4);
    }

    @Test
    void onHopperUpToEightHeadsAKvHeadDecodeThroughARingIfKernelsBeginEarly() {
        for (AttentionShape shape : new AttentionShape[] {QWEN, LLAMA_1B, LLAMA_8B}) {
            KernelLaunch ring = Launches.attentionDecode("f16", shape, 1, 132, HOPPER, true);
            assertThat(ring.kernel()).isEqualTo("attention_decode_sm90_f16_" + shape.headSize());
            assertThat(ring.x()).isEqualTo(264);
            assertThat(ring.y()).isEqualTo(1);
            // Two of them on a multiprocessor, which keeps 1 KB of each for itself.
            assertThat(2 * (ring.sharedBytes() + 1024)).isLessThanOrEqualTo(228 << 10);
        }
        assertThat(Launches.attentionDecode("bf16", QWEN, 1, 132, HOPPER, false).kernel())
                .isEqualTo("attention_decode_bf16_64");
        AttentionShape nine = new AttentionShape(1, 9, 1, 128);
        assertThat(Launches.attentionDecode("bf16", nine, 1, 132, HOPPER, true).kernel())
                .isEqualTo("attention_decode_bf16_128");
        DeviceLimits little = HOPPER.withSharedBytes(99 << 10);
        assertThat(Launches.attentionDecode("bf16", LLAMA_8B, 1, 132, little, true).kernel())
                .isEqualTo("attention_decode_bf16_128");
    }

    @Test
    void withHeadsOf64TheRingIsForStepsOfOneItemACta() {
        assertThat(Launches.attentionDecode("bf16", QWEN, 132, 132, HOPPER, true).kernel())
                .isEqualTo("attention_decode_sm90_bf16_64");
        assertThat(Launches.attentionDecode("bf16", QWEN, 133, 132, HOPPER, true).kernel())
                .isEqualTo("attention_decode_bf16_64");
        assertThat(Launches.attentionDecode("bf16", LLAMA_1B, 34, 132, HOPPER, true).kernel())
                .isEqualTo("attention_decode_bf16_64");
        assertThat(Launches.attentionDecode("bf16", LLAMA_8B, 256, 132, HOPPER, true).kernel())
                .isEqualTo("attention_decode_sm90_bf16_128");
    }

    @Test
    void decodeItemsAreBoundedByTheContextAlone() {
        assertThat(Launches.decodeItems(64, 32768)).isEqualTo(64 * 64);
        assertThat(Launches.decodeItems(3, 513)).isEqualTo(6);
    }
}
