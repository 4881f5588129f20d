package io.millrace.gpu.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SamplingMathTest {

    @Test
    void expIsNearTheTrueOne() {
        for (float x = 0; x > -87; x -= 0.00137f) {
            double truth = StrictMath.exp(x);
            assertThat(SamplingMath.exp(x) / truth).as("exp(%s)", x).isCloseTo(1, within(2e-7));
        }
        assertThat(SamplingMath.exp(0)).isEqualTo(1f);
        assertThat(SamplingMath.exp(-0f)).isEqualTo(1f);
        assertThat(SamplingMath.exp(-87.5f)).isZero();
        assertThat(SamplingMath.exp(Float.NEGATIVE_INFINITY)).isZero();
    }

    @Test
    void logIsNearTheTrueOne() {
        for (float x = 0x1p-40f; x < 0x1p40f; x *= 1.00037f) {
            double truth = StrictMath.log(x);
            assertThat((double) SamplingMath.log(x))
                    .as("log(%s)", x)
                    .isCloseTo(truth, within(3e-7 * Math.max(1, Math.abs(truth))));
        }
        assertThat(SamplingMath.log(1)).isZero();
    }

    @Test
    void noiseIsNearTheTrueOneAndNeverInfinite() {
        int[] ends = {0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xBFFFFFFF, 0xC0000000, -3, -2, -1};
        for (int word : ends) {
            assertNoise(word);
        }
        for (int i = 0; i < 100_000; i++) {
            assertNoise(i * 0x9E3779B9);
        }
        assertThat(SamplingMath.noise(-1)).isLessThan(SamplingMath.NOISE_CEILING);
    }

    @Test
    void noiseHasTheSameBitsOnEveryMachine() {
        int digest = 0;
        for (int i = 0; i < 100_000; i++) {
            digest = 31 * digest + Float.floatToRawIntBits(SamplingMath.noise(i * 0x9E3779B9));
            digest = 31 * digest + Float.floatToRawIntBits(SamplingMath.exp(-i * 0.00087f));
        }
        assertThat(digest).isEqualTo(-886766129);
    }

    private static void assertNoise(int word) {
        double u = (Integer.toUnsignedLong(word) + 0.5) / 0x1p32;
        double truth = -StrictMath.log(-StrictMath.log(u));
        assertThat((double) SamplingMath.noise(word))
                .as("noise(%s)", Integer.toHexString(word))
                .isCloseTo(truth, within(4e-7 * Math.max(1, Math.abs(truth))));
        assertThat(SamplingMath.noiseCeiling(word)).isGreaterThan(SamplingMath.noise(word));
    }
}
