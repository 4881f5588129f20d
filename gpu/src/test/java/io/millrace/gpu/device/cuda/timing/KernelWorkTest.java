package io.millrace.gpu.device.cuda.timing;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What is counted of each op, on shapes that are easily counted by hand. */
class KernelWorkTest {
    private static final AttentionShape SHAPE = new AttentionShape(3, 14, 2, 64);

    @Test
    void aProductReadsItsWeightAndInputAndWritesItsOutput() {
        KernelWork qkv = KernelWork.matmul(Op.QKV, 1152, 896, 17, 2);
        assertThat(qkv.shape()).isEqualTo("1152 x 896");
        assertThat(qkv.bytes()).isEqualTo(2 * (1152 * 896 + 17 * (896 + 1152)));
        assertThat(qkv.operations()).isEqualTo(2.0 * 17 * 1152 * 896);
        // Of gate and up together, half as much comes out.
        assertThat(KernelWork.matmul(Op.GATED_UP, 9728, 896, 17, 2).bytes())
                .isEqualTo(2 * (9728 * 896 + 17 * (896 + 4864)));
        // A residual stream of FP32 is read and written.
        assertThat(KernelWork.matmul(Op.DOWN, 896, 4864, 17, 2).bytes())
                .isEqualTo(2 * (896 * 4864 + 17 * 4864) + 17 * 8 * 896);
        // The residual stream goes in, logits of FP32 come out.
        assertThat(KernelWork.matmul(Op.HEAD, 151_936, 896, 17, 2).bytes())
                .isEqualTo(2.0 * 151_936 * 896 + 17 * 4 * (896 + 151_936));
    }

    @Test
    void aHeadThatDrawsWritesSixteenBytesForEachOfItsTiles() {
        assertThat(KernelWork.samplingHead(151_936, 896, 17, 2).bytes())
                .isEqualTo(2.0 * 151_936 * 896 + 17 * (4 * 896 + 16 * 2374));
        assertThat(KernelWork.sampling(151_936, 17, true).bytes()).isEqualTo(17 * 16 * 2374);
        assertThat(KernelWork.sampling(97, 17, true).bytes()).isEqualTo(17 * 16 * 2);
        assertThat(KernelWork.sampling(97, 17, false).bytes()).isEqualTo(17 * 4 * 97);
    }

    @Test
    void attentionReadsKAndVOnceForAllHeadsThatShareThem() {
        KernelCase decode = new KernelCase(54, 1, 511, true);
        KernelWork work = KernelWork.attention(SHAPE, decode, Backend.NO_WINDOW, 2);
        assertThat(work.shape()).isEqualTo("14/2 heads of 64");
        assertThat(work.bytes()).isEqualTo(2 * 54 * (2 * 2 * 64 * 512 + 2 * 14 * 64));
        assertThat(work.operations()).isEqualTo(4.0 * 14 * 64 * 54 * 512);
    }

    @Test
    void attentionOfAPromptSeesHalfOfItsSquare() {
        KernelCase prefill = new KernelCase(2, 1023, 0, true);
        KernelWork work = KernelWork.attention(SHAPE, prefill, Backend.NO_WINDOW, 2);
        assertThat(work.bytes()).isEqualTo(2 * 2 * 1023 * (2 * 2 * 64 + 2 * 14 * 64));
        assertThat(work.operations()).isEqualTo(4.0 * 14 * 64 * 2 * (1023 * 1024 / 2));
    }

    @Test
    void aWindowBoundsWhatIsSeen() {
        KernelCase step = new KernelCase(1, 3, 97, true);
        assertThat(step.seen(Backend.NO_WINDOW)).isEqualTo(98 + 99 + 100);
        assertThat(step.seen(17)).isEqualTo(3 * 17);
        assertThat(step.looked(17)).isEqualTo(19);
        assertThat(step.looked(Backend.NO_WINDOW)).isEqualTo(100);
    }

    @Test
    void everyStandardStepHasItsOwnSize() {
        assertThat(KernelCase.STANDARD).doesNotHaveDuplicates();
        assertThat(KernelCase.STANDARD.stream().filter(KernelCase::whole))
                .extracting(KernelCase::stepTokens)
                .containsExactly(1, 64, 256, 2048);
    }

    @Test
    void noiseIsOfOrdinaryNumbersInEveryType() {
        SplittableRandom random = new SplittableRandom(7);
        ByteBuffer noise = ByteBuffer.allocate(4 * 1023).order(ByteOrder.LITTLE_ENDIAN);
        KernelTimer.write(noise, DType.F32, random);
        for (int i = 0; i < 1023; i++) {
            assertThat(Math.abs(noise.getFloat(4 * i))).isBetween(0.5f, 1f);
        }
        KernelTimer.write(noise, DType.BF16, random);
        for (int i = 0; i < 2046; i++) {
            float value = Float.intBitsToFloat(noise.getShort(2 * i) << 16);
            assertThat(Math.abs(value)).isBetween(0.5f, 1f);
        }
        KernelTimer.write(noise, DType.F16, random);
        for (int i = 0; i < 2046; i++) {
            // An exponent of 14 of 15 is 1/2.
            assertThat(noise.getShort(2 * i) >> 10 & 31).isEqualTo(14);
        }
    }
}
