package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.StripKernels.F;
import static io.millrace.gpu.device.cpu.StripKernels.HALF_BIAS;
import static io.millrace.gpu.device.cpu.StripKernels.HALF_BITS;
import static io.millrace.gpu.device.cpu.StripKernels.HIGH_HALF;
import static io.millrace.gpu.device.cpu.StripKernels.I;
import static io.millrace.gpu.device.cpu.StripKernels.LANES;
import static io.millrace.gpu.device.cpu.StripKernels.STRIP;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops of {@link StripKernels} for eight tokens: sixteen sums, for machines with 32 vector
 * registers. A weight is unpacked once for twice as many multiplications.
 *
 * <pre>
 * tokens      float[tile][k][WIDE]     eight tokens interleaved
 * </pre>
 */
final class WideKernels {
    /** Tokens per wide tile. */
    static final int WIDE = 8;

    /** Whether this machine has 32 vector registers, which its vectors' width tells. */
    static final boolean AVAILABLE = LANES == 16;

    private WideKernels() {}

    /**
     * Continues the chains of eight tokens times one strip of BF16.
     *
     * @param w weights in the layout of BF16
     * @param s index in {@code w} of the strip's first k
     * @param n number of k
     * @param x the tile; its first k is at {@code xo}
     * @param c the first token's sums are at {@code co}, those of the next {@code cs} higher
     */
    static void tileBf16(int[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        int c4 = c3 + cs;
        int c5 = c4 + cs;
        int c6 = c5 + cs;
        int c7 = c6 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector b1 = FloatVector.fromArray(F, c, c1 + LANES);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector b2 = FloatVector.fromArray(F, c, c2 + LANES);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        FloatVector b3 = FloatVector.fromArray(F, c, c3 + LANES);
        FloatVector a4 = FloatVector.fromArray(F, c, c4);
        FloatVector b4 = FloatVector.fromArray(F, c, c4 + LANES);
        FloatVector a5 = FloatVector.fromArray(F, c, c5);
        FloatVector b5 = FloatVector.fromArray(F, c, c5 + LANES);
        FloatVector a6 = FloatVector.fromArray(F, c, c6);
        FloatVector b6 = FloatVector.fromArray(F, c, c6 + LANES);
        FloatVector a7 = FloatVector.fromArray(F, c, c7);
        FloatVector b7 = FloatVector.fromArray(F, c, c7 + LANES);
        IntVector high = IntVector.broadcast(I, HIGH_HALF);
        int end = xo + n * WIDE;
        for (int i = xo, wi = s; i < end; i += WIDE, wi += LANES) {
            IntVector pairs = IntVector.fromArray(I, w, wi);
            FloatVector p = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector q = pairs.and(high).reinterpretAsFloats();
            FloatVector v = FloatVector.broadcast(F, x[i]);
            a0 = p.fma(v, a0);
            b0 = q.fma(v, b0);
            v = FloatVector.broadcast(F, x[i + 1]);
            a1 = p.fma(v, a1);
            b1 = q.fma(v, b1);
            v = FloatVector.broadcast(F, x[i + 2]);
            a2 = p.fma(v, a2);
            b2 = q.fma(v, b2);
            v = FloatVector.broadcast(F, x[i + 3]);
            a3 = p.fma(v, a3);
            b3 = q.fma(v, b3);
            v = FloatVector.broadcast(F, x[i + 4]);
            a4 = p.fma(v, a4);
            b4 = q.fma(v, b4);
            v = FloatVector.broadcast(F, x[i + 5]);
            a5 = p.fma(v, a5);
            b5 = q.fma(v, b5);
            v = FloatVector.broadcast(F, x[i + 6]);
            a6 = p.fma(v, a6);
            b6 = q.fma(v, b6);
            v = FloatVector.broadcast(F, x[i + 7]);
            a7 = p.fma(v, a7);
            b7 = q.fma(v, b7);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, c1);
        b1.intoArray(c, c1 + LANES);
        a2.intoArray(c, c2);
        b2.intoArray(c, c2 + LANES);
        a3.intoArray(c, c3);
        b3.intoArray(c, c3 + LANES);
        a4.intoArray(c, c4);
        b4.intoArray(c, c4 + LANES);
        a5.intoArray(c, c5);
        b5.intoArray(c, c5 + LANES);
        a6.intoArray(c, c6);
        b6.intoArray(c, c6 + LANES);
        a7.intoArray(c, c7);
        b7.intoArray(c, c7 + LANES);
    }

    /** {@link #tileBf16} for F16 weights. */
    static void tileF16(int[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        int c4 = c3 + cs;
        int c5 = c4 + cs;
        int c6 = c5 + cs;
        int c7 = c6 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector b1 = FloatVector.fromArray(F, c, c1 + LANES);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector b2 = FloatVector.fromArray(F, c, c2 + LANES);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        FloatVector b3 = FloatVector.fromArray(F, c, c3 + LANES);
        FloatVector a4 = FloatVector.fromArray(F, c, c4);
        FloatVector b4 = FloatVector.fromArray(F, c, c4 + LANES);
        FloatVector a5 = FloatVector.fromArray(F, c, c5);
        FloatVector b5 = FloatVector.fromArray(F, c, c5 + LANES);
        FloatVector a6 = FloatVector.fromArray(F, c, c6);
        FloatVector b6 = FloatVector.fromArray(F, c, c6 + LANES);
        FloatVector a7 = FloatVector.fromArray(F, c, c7);
        FloatVector b7 = FloatVector.fromArray(F, c, c7 + LANES);
        IntVector m = IntVector.broadcast(I, HALF_BITS);
        FloatVector bias = FloatVector.broadcast(F, HALF_BIAS);
        int end = xo + n * WIDE;
        for (int i = xo, wi = s; i < end; i += WIDE, wi += LANES) {
            IntVector pairs = IntVector.fromArray(I, w, wi);
            FloatVector p = StripKernels.half(pairs.lanewise(VectorOperators.LSHL, 16), m, bias);
            FloatVector q = StripKernels.half(pairs, m, bias);
            FloatVector v = FloatVector.broadcast(F, x[i]);
            a0 = p.fma(v, a0);
            b0 = q.fma(v, b0);
            v = FloatVector.broadcast(F, x[i + 1]);
            a1 = p.fma(v, a1);
            b1 = q.fma(v, b1);
            v = FloatVector.broadcast(F, x[i + 2]);
            a2 = p.fma(v, a2);
            b2 = q.fma(v, b2);
            v = FloatVector.broadcast(F, x[i + 3]);
            a3 = p.fma(v, a3);
            b3 = q.fma(v, b3);
            v = FloatVector.broadcast(F, x[i + 4]);
            a4 = p.fma(v, a4);
            b4 = q.fma(v, b4);
            v = FloatVector.broadcast(F, x[i + 5]);
            a5 = p.fma(v, a5);
            b5 = q.fma(v, b5);
            v = FloatVector.broadcast(F, x[i + 6]);
            a6 = p.fma(v, a6);
            b6 = q.fma(v, b6);
            v = FloatVector.broadcast(F, x[i + 7]);
            a7 = p.fma(v, a7);
            b7 = q.fma(v, b7);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, c1);
        b1.intoArray(c, c1 + LANES);
        a2.intoArray(c, c2);
        b2.intoArray(c, c2 + LANES);
        a3.intoArray(c, c3);
        b3.intoArray(c, c3 + LANES);
        a4.intoArray(c, c4);
        b4.intoArray(c, c4 + LANES);
        a5.intoArray(c, c5);
        b5.intoArray(c, c5 + LANES);
        a6.intoArray(c, c6);
        b6.intoArray(c, c6 + LANES);
        a7.intoArray(c, c7);
        b7.intoArray(c, c7 + LANES);
    }

    /** {@link #tileBf16} for F32 weights. */
    static void tileF32(float[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        int c4 = c3 + cs;
        int c5 = c4 + cs;
        int c6 = c5 + cs;
        int c7 = c6 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector b1 = FloatVector.fromArray(F, c, c1 + LANES);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector b2 = FloatVector.fromArray(F, c, c2 + LANES);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        FloatVector b3 = FloatVector.fromArray(F, c, c3 + LANES);
        FloatVector a4 = FloatVector.fromArray(F, c, c4);
        FloatVector b4 = FloatVector.fromArray(F, c, c4 + LANES);
        FloatVector a5 = FloatVector.fromArray(F, c, c5);
        FloatVector b5 = FloatVector.fromArray(F, c, c5 + LANES);
        FloatVector a6 = FloatVector.fromArray(F, c, c6);
        FloatVector b6 = FloatVector.fromArray(F, c, c6 + LANES);
        FloatVector a7 = FloatVector.fromArray(F, c, c7);
        FloatVector b7 = FloatVector.fromArray(F, c, c7 + LANES);
        int end = xo + n * WIDE;
        for (int i = xo, wi = s; i < end; i += WIDE, wi += STRIP) {
            FloatVector p = FloatVector.fromArray(F, w, wi);
            FloatVector q = FloatVector.fromArray(F, w, wi + LANES);
            FloatVector v = FloatVector.broadcast(F, x[i]);
            a0 = p.fma(v, a0);
            b0 = q.fma(v, b0);
            v = FloatVector.broadcast(F, x[i + 1]);
            a1 = p.fma(v, a1);
            b1 = q.fma(v, b1);
            v = FloatVector.broadcast(F, x[i + 2]);
            a2 = p.fma(v, a2);
            b2 = q.fma(v, b2);
            v = FloatVector.broadcast(F, x[i + 3]);
            a3 = p.fma(v, a3);
            b3 = q.fma(v, b3);
            v = FloatVector.broadcast(F, x[i + 4]);
            a4 = p.fma(v, a4);
            b4 = q.fma(v, b4);
            v = FloatVector.broadcast(F, x[i + 5]);
            a5 = p.fma(v, a5);
            b5 = q.fma(v, b5);
            v = FloatVector.broadcast(F, x[i + 6]);
            a6 = p.fma(v, a6);
            b6 = q.fma(v, b6);
            v = FloatVector.broadcast(F, x[i + 7]);
            a7 = p.fma(v, a7);
            b7 = q.fma(v, b7);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, c1);
        b1.intoArray(c, c1 + LANES);
        a2.intoArray(c, c2);
        b2.intoArray(c, c2 + LANES);
        a3.intoArray(c, c3);
        b3.intoArray(c, c3 + LANES);
        a4.intoArray(c, c4);
        b4.intoArray(c, c4 + LANES);
        a5.intoArray(c, c5);
        b5.intoArray(c, c5 + LANES);
        a6.intoArray(c, c6);
        b6.intoArray(c, c6 + LANES);
        a7.intoArray(c, c7);
        b7.intoArray(c, c7 + LANES);
    }
}
