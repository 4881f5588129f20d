package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import org.junit.jupiter.api.Test;

class PrefillKernelTest {
    private static final AttentionShape QWEN = new AttentionShape(24, 14, 2, 64);
    private static final AttentionShape LLAMA_8B = new AttentionShape(32, 32, 8, 128);
    private static final DeviceLimits H100 = gpu(90, 227);
    private static final DeviceLimits A100 = gpu(80, 163);
    private static final DeviceLimits L4 = gpu(89, 99);

    private static DeviceLimits gpu(int capability, int sharedKb) {
        return new DeviceLimits(capability, 1024, sharedKb << 10, 1 << 30, 65_535, 65_535);
    }

    private static String nameOn(DeviceLimits limits, String type, AttentionShape shape) {
        return PrefillKernel.on(type, shape, limits).name();
    }

    @Test
    void hopperMultipliesOnItsOwnTensorCoreInstructions() {
        assertThat(nameOn(H100, "bf16", QWEN)).isEqualTo("attention_prefill_sm90_bf16_64");
        PrefillKernel llama = PrefillKernel.on("bf16", LLAMA_8B, H100);
        assertThat(llama.name()).isEqualTo("attention_prefill_sm90_bf16_128");
        assertThat(llama.itemPairs()).isEqualTo(128);
        assertThat(llama.sharedBytes()).isBetween(224 << 10, 227 << 10);
        // As many CTAs as multiprocessors, or as there can be items: 3 tokens of 4 heads fit one.
        KernelLaunch many = llama.launch(LLAMA_8B, 2048, 256, 132);
        assertThat(many.x()).isEqualTo(132);
        assertThat(many.y()).isEqualTo(1);
        assertThat(many.threads()).isEqualTo(384);
        assertThat(llama.launch(LLAMA_8B, 3, 1, 132).x()).isEqualTo(2 * 8);
    }

    @Test
    void allElseIsMultipliedAsOnOtherGpus() {
        assertThat(nameOn(H100, "f16", QWEN)).isEqualTo("attention_prefill_f16_64");
        assertThat(nameOn(A100, "bf16", QWEN)).isEqualTo("attention_prefill_bf16_64");
        assertThat(nameOn(gpu(100, 227), "bf16", QWEN)).isEqualTo("attention_prefill_bf16_64");
        assertThat(nameOn(H100.withSharedBytes(99 << 10), "bf16", QWEN))
                .isEqualTo("attention_prefill_bf16_64");
    }

    @Test
    void headsOf128TakeHalfItemsWhereThereIsTooLittleSharedMemory() {
        PrefillKernel a100 = PrefillKernel.on("bf16", LLAMA_8B, A100);
        KernelLaunch whole = a100.launch(LLAMA_8B, 1023, 3, 132);
        assertThat(whole.kernel()).isEqualTo("attention_prefill_bf16_128");
        assertThat(whole.threads()).isEqualTo(128);
        assertThat(whole.x()).isEqualTo((1023 * 4 + 63) / 64 + 3);
        assertThat(whole.y()).isEqualTo(8);
        assertThat(whole.sharedBytes()).isEqualTo(112 << 10);
        PrefillKernel l4 = PrefillKernel.on("bf16", LLAMA_8B, L4);
        KernelLaunch halves = l4.launch(LLAMA_8B, 1023, 3, 132);
        assertThat(halves.kernel()).isEqualTo("attention_prefill_bf16_128_32");
        assertThat(halves.threads()).isEqualTo(64);
        assertThat(halves.x()).isEqualTo(2 * whole.x());
        assertThat(halves.sharedBytes()).isEqualTo(88 << 10);
        assertThat(l4.itemPairs()).isEqualTo(a100.itemPairs());
    }

    @Test
    void anItemMoreThanItsPairsNeedIsThereForEveryRow() {
        // 97 tokens of 7 heads are 679 pairs: 11 tiles of 64, 6 of 128.
        assertThat(PrefillKernel.on("f16", QWEN, H100).items(QWEN, 97, 3)).isEqualTo(11 + 3);
        assertThat(PrefillKernel.on("bf16", QWEN, H100).items(QWEN, 97, 3)).isEqualTo(6 + 3);
    }
}
