package io.millrace.gpu.device.cuda;

/**
 * RMSNorm in BF16 as the CUDA chapter of docs/numerics.md has it, in plain loops: what products are
 * given, and what they multiply their sums by. The oracle of the kernels and of their oracle.
 */
final class UnscaledNorm {
    private static final int GROUP = 16;
    private static final int LANES = 32;

    private UnscaledNorm() {}

    /** 1 / sqrt(mean of squares + epsilon). */
    static float inverse(float[] x, float epsilon) {
        float[] lanes = new float[LANES];
        for (int group = 0; group * GROUP < x.length; group++) {
            float first = eight(x, group * GROUP);
            float second = eight(x, group * GROUP + 8);
            lanes[group % LANES] = lanes[group % LANES] + (first + second);
        }
        for (int apart = LANES / 2; apart > 0; apart /= 2) {
            float[] before = lanes.clone();
            for (int i = 0; i < LANES; i++) {
                lanes[i] = before[i] + before[i ^ apart];
            }
        }
        float mean = lanes[0] / x.length + epsilon;
        return 1 / (float) Math.sqrt(mean);
    }

    /** Squares of eight columns, by four lanes of two. */
    private static float eight(float[] x, int at) {
        float[] lanes = new float[4];
        for (int c = 0; c < 4; c++) {
            float low = column(x, at + 2 * c);
            float high = column(x, at + 2 * c + 1);
            lanes[c] = Math.fma(high, high, low * low);
        }
        return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }

    private static float column(float[] x, int k) {
        return k < x.length ? x[k] : 0;
    }

    /** x times weight, rounded to BF16. */
    static float[] unscaled(float[] x, float[] weight) {
        float[] rounded = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            int bits = Float.floatToRawIntBits(x[i] * weight[i]);
            int even = bits >>> 16 & 1;
            rounded[i] = Float.intBitsToFloat(bits + 0x7fff + even & 0xffff0000);
        }
        return rounded;
    }
}
