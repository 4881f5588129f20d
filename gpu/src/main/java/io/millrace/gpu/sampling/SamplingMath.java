package io.millrace.gpu.sampling;

/**
 * The exp, log and Gumbel noise of the sampling rule, in floats over {@code fma}, so that every
 * machine and every backend gets the same bits. {@code docs/numerics.md}, "Sampling", is the
 * contract: a change here changes answers.
 */
public final class SamplingMath {
    /** An upper bound of all noise: that of the word 0xFFFFFFFF is 22.873857. */
    public static final float NOISE_CEILING = 23f;

    private static final float LN2 = 0.6931472f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    private static final float LOG2_E = 1.44269504f;

    /** Adding and subtracting it rounds a float below 2^22 to an integer, ties to even. */
    private static final float ROUNDER = 12582912f;

    private static final float EXP_FLOOR = -87f;
    private static final int BITS_OF_SQRT_HALF = 0x3F3504F3;
    private static final float TWO_TO_MINUS_33 = 0x1p-33f;

    private SamplingMath() {}

    /**
     * The nearest finite float: an absurd parameter must not make an infinity of a finite logit.
     */
    public static float bounded(float v) {
        return Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, v));
    }

    /** e to the {@code x} for x at most 0; 0 below -87. Relative error under 1e-7. */
    public static float exp(float x) {
        if (x < EXP_FLOOR) {
            return 0f;
        }
        float n = Math.fma(x, LOG2_E, ROUNDER) - ROUNDER;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float q = 0.0001989198131f;
        q = Math.fma(q, r, 0.001393454193f);
        q = Math.fma(q, r, 0.008333310024f);
        q = Math.fma(q, r, 0.04166645681f);
        q = Math.fma(q, r, 0.1666666668f);
        q = Math.fma(q, r, 0.5000000014f);
        float power = Math.fma(r * r, q, r) + 1f;
        return power * Float.intBitsToFloat(((int) n + 127) << 23);
    }

    /** Natural logarithm of a positive normal float. */
    public static float log(float x) {
        int bits = Float.floatToRawIntBits(x);
        int exponent = (bits - BITS_OF_SQRT_HALF) >> 23;
        float mantissa = Float.intBitsToFloat(bits - (exponent << 23));
        float e = exponent;
        return Math.fma(e, LN2_HIGH, Math.fma(e, LN2_LOW, log1p(mantissa - 1f)));
    }

    /** Natural logarithm of 1 + f, for f from sqrt(1/2) - 1 to sqrt(2) - 1. */
    private static float log1p(float f) {
        float p = 0.06971611471f;
        p = Math.fma(p, f, -0.1147973385f);
        p = Math.fma(p, f, 0.1168541992f);
        p = Math.fma(p, f, -0.1242568733f);
        p = Math.fma(p, f, 0.1424905765f);
        p = Math.fma(p, f, -0.1666780232f);
        p = Math.fma(p, f, 0.2000071575f);
        p = Math.fma(p, f, -0.2499999696f);
        p = Math.fma(p, f, 0.3333333118f);
        return Math.fma(f * f, Math.fma(f, p, -0.5f), f);
    }

    /**
     * Gumbel noise -log(-log u), u = (word + 0.5) / 2^32 with the word unsigned.
     *
     * <p>A float cannot represent u near 1, where the noise is largest: there -log u is computed
     * from 1 - u, which is exact before it is rounded once.
     */
    public static float noise(int word) {
        long odd = ((word & 0xFFFFFFFFL) << 1) + 1;
        float minusLogU =
                odd < 3L << 31
                        ? -log((float) odd * TWO_TO_MINUS_33)
                        : -log1p(-((float) ((1L << 33) - odd) * TWO_TO_MINUS_33));
        return -log(minusLogU);
    }

    /**
     * A cheap upper bound of {@code noise(word)}: -log u is at least 1 - u, whose exponent is
     * known.
     */
    public static float noiseCeiling(int word) {
        return Math.fma(Integer.numberOfLeadingZeros(~word) + 1, LN2, 0.001f);
    }
}
