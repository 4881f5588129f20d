package io.millrace.gpu.device.cpu;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loops of the matmul over weights laid out in strips.
 *
 * <p>A strip is two vectors of output columns. Every output is one accumulation chain of {@code
 * fma} over k, ascending, in a lane of its own: nothing is summed across lanes, so the bits depend
 * neither on the vector's width nor on how many tokens or strips a loop handles at once.
 *
 * <pre>
 * F32         float[strip][k][STRIP]   column c at c
 * BF16, F16   int  [strip][k][LANES]   column c in the low half of int c,
 *                                      column c + LANES in its high half
 * INT8        byte [two strips][k][LANES][4]  columns c and c + LANES of the first, then of the second
 * tokens      float[tile][k][TILE]     four tokens interleaved
 * </pre>
 *
 * <p>The loops are as large as C2 compiles well. With four strips of 16-bit weights in one loop it
 * stops inlining (NodeCountInliningCutoff), and the loop is 20 times slower. With twelve sums
 * instead of eight and 16 vector registers, C2 of JDK 17 and 25 spills one sum to memory, which
 * leaves a third of the speed. ({@link WideKernels} are for machines with 32 registers.) Indices
 * are incremented in the loop, because on JDK 17 computing them from k costs a quarter of the
 * speed. Parameters of the CPU kernels are arrays and numbers, up to nine, and every call site has
 * one target: a parameter object or an interface would cost loads and inlining in the inner loops.
 */
final class StripKernels {
    static final VectorSpecies<Float> F =
            FloatVector.SPECIES_PREFERRED.length() > 16
                    ? FloatVector.SPECIES_512
                    : FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, F.vectorShape());

    /** Floats per vector of this machine, at most 16. */
    static final int LANES = F.length();

    /** Output columns per strip. */
    static final int STRIP = 2 * LANES;

    /** Tokens per tile. */
    static final int TILE = 4;

    static final int HIGH_HALF = 0xffff0000;
    static final int HALF_BITS = 0x8fffe000;
    static final float HALF_BIAS = 0x1p112f;

    private StripKernels() {}

    /**
     * Continues the chains of one token times two strips of BF16.
     *
     * @param s0 index in {@code w} of the first strip's first k
     * @param s1 that of the second strip
     * @param n number of k
     * @param x the token's first k is at {@code xo}
     * @param c the 2 * STRIP sums are at {@code co}
     */
    static void dotBf16(int[] w, int s0, int s1, int n, float[] x, int xo, float[] c, int co) {
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, co + STRIP);
        FloatVector b1 = FloatVector.fromArray(F, c, co + STRIP + LANES);
        IntVector high = IntVector.broadcast(I, HIGH_HALF);
        for (int k = 0; k < n; k++) {
            FloatVector v = FloatVector.broadcast(F, x[xo + k]);
            IntVector w0 = IntVector.fromArray(I, w, s0 + k * LANES);
            IntVector w1 = IntVector.fromArray(I, w, s1 + k * LANES);
            a0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(v, a0);
            b0 = w0.and(high).reinterpretAsFloats().fma(v, b0);
            a1 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(v, a1);
            b1 = w1.and(high).reinterpretAsFloats().fma(v, b1);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, co + STRIP);
        b1.intoArray(c, co + STRIP + LANES);
    }

    /** {@link #dotBf16} for F16, widened as by {@code DType.F16.toFloat}. */
    static void dotF16(int[] w, int s0, int s1, int n, float[] x, int xo, float[] c, int co) {
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, co + STRIP);
        FloatVector b1 = FloatVector.fromArray(F, c, co + STRIP + LANES);
        IntVector m = IntVector.broadcast(I, HALF_BITS);
        FloatVector bias = FloatVector.broadcast(F, HALF_BIAS);
        for (int k = 0; k < n; k++) {
            FloatVector v = FloatVector.broadcast(F, x[xo + k]);
            IntVector w0 = IntVector.fromArray(I, w, s0 + k * LANES);
            IntVector w1 = IntVector.fromArray(I, w, s1 + k * LANES);
            IntVector l0 = w0.lanewise(VectorOperators.LSHL, 16);
            IntVector l1 = w1.lanewise(VectorOperators.LSHL, 16);
            a0 = half(l0, m, bias).fma(v, a0);
            b0 = half(w0, m, bias).fma(v, b0);
            a1 = half(l1, m, bias).fma(v, a1);
            b1 = half(w1, m, bias).fma(v, b1);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, co + STRIP);
        b1.intoArray(c, co + STRIP + LANES);
    }

    /** {@link #dotBf16} for F32. */
    static void dotF32(float[] w, int s0, int s1, int n, float[] x, int xo, float[] c, int co) {
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, co + STRIP);
        FloatVector b1 = FloatVector.fromArray(F, c, co + STRIP + LANES);
        for (int k = 0; k < n; k++) {
            FloatVector v = FloatVector.broadcast(F, x[xo + k]);
            a0 = FloatVector.fromArray(F, w, s0 + k * STRIP).fma(v, a0);
            b0 = FloatVector.fromArray(F, w, s0 + LANES + k * STRIP).fma(v, b0);
            a1 = FloatVector.fromArray(F, w, s1 + k * STRIP).fma(v, a1);
            b1 = FloatVector.fromArray(F, w, s1 + LANES + k * STRIP).fma(v, b1);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, co + STRIP);
        b1.intoArray(c, co + STRIP + LANES);
    }

    /**
     * Continues the chains of one token times two strips of INT8.
     *
     * @param s index in {@code w} of their first k
     * @param n number of k
     * @param x the token's first k is at {@code xo}
     * @param c the 2 * STRIP sums are at {@code co}
     */
    static void dotInt8(byte[] w, int s, int n, float[] x, int xo, float[] c, int co) {
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, co + STRIP);
        FloatVector b1 = FloatVector.fromArray(F, c, co + STRIP + LANES);
        int end = xo + n;
        for (int i = xo, wi = s; i < end; i++, wi += 4 * LANES) {
            FloatVector v = FloatVector.broadcast(F, x[i]);
            IntVector four = ByteVector.fromArray(B, w, wi).reinterpretAsInts();
            a0 = float0(four).fma(v, a0);
            b0 = float1(four).fma(v, b0);
            a1 = float2(four).fma(v, a1);
            b1 = float3(four).fma(v, b1);
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, co + STRIP);
        b1.intoArray(c, co + STRIP + LANES);
    }

    /**
     * Lays two strips of INT8 out as BF16, which holds them exactly.
     *
     * @param s index in {@code w} of their first k
     * @param n number of k
     * @param to receives the first strip, and after its {@code n * LANES} ints the second
     */
    static void unpackInt8(byte[] w, int s, int n, int[] to) {
        int second = n * LANES;
        for (int i = 0, wi = s; i < second; i += LANES, wi += 4 * LANES) {
            IntVector four = ByteVector.fromArray(B, w, wi).reinterpretAsInts();
            pair(float0(four), float1(four)).intoArray(to, i);
            pair(float2(four), float3(four)).intoArray(to, second + i);
        }
    }

    private static FloatVector float0(IntVector four) {
        return toFloat(four.lanewise(VectorOperators.LSHL, 24));
    }

    private static FloatVector float1(IntVector four) {
        return toFloat(four.lanewise(VectorOperators.LSHL, 16));
    }

    private static FloatVector float2(IntVector four) {
        return toFloat(four.lanewise(VectorOperators.LSHL, 8));
    }

    private static FloatVector float3(IntVector four) {
        return toFloat(four);
    }

    /** The highest byte, sign-extended. */
    private static FloatVector toFloat(IntVector high) {
        IntVector value = high.lanewise(VectorOperators.ASHR, 24);
        return (FloatVector) value.convert(VectorOperators.I2F, 0);
    }

    private static IntVector pair(FloatVector low, FloatVector high) {
        return low.reinterpretAsInts()
                .lanewise(VectorOperators.LSHR, 16)
                .or(high.reinterpretAsInts());
    }

    static FloatVector half(IntVector bits, IntVector mask, FloatVector bias) {
        return bits.lanewise(VectorOperators.ASHR, 3).and(mask).reinterpretAsFloats().mul(bias);
    }

    /**
     * Continues the chains of four tokens times one strip.
     *
     * @param w weights in the layout of F32
     * @param s index in {@code w} of the strip's first k
     * @param n number of k
     * @param x the tile; its first k is at {@code xo}
     * @param c the first token's sums are at {@code co}, those of the next {@code cs} higher
     */
    static void tileF32(float[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector b1 = FloatVector.fromArray(F, c, c1 + LANES);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector b2 = FloatVector.fromArray(F, c, c2 + LANES);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        FloatVector b3 = FloatVector.fromArray(F, c, c3 + LANES);
        int end = xo + n * TILE;
        for (int i = xo, wi = s; i < end; i += TILE, wi += STRIP) {
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
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, c1);
        b1.intoArray(c, c1 + LANES);
        a2.intoArray(c, c2);
        b2.intoArray(c, c2 + LANES);
        a3.intoArray(c, c3);
        b3.intoArray(c, c3 + LANES);
    }

    /** {@link #tileF32} for BF16 weights. */
    static void tileBf16(int[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector b1 = FloatVector.fromArray(F, c, c1 + LANES);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector b2 = FloatVector.fromArray(F, c, c2 + LANES);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        FloatVector b3 = FloatVector.fromArray(F, c, c3 + LANES);
        IntVector high = IntVector.broadcast(I, HIGH_HALF);
        int end = xo + n * TILE;
        for (int i = xo, wi = s; i < end; i += TILE, wi += LANES) {
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
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, c1);
        b1.intoArray(c, c1 + LANES);
        a2.intoArray(c, c2);
        b2.intoArray(c, c2 + LANES);
        a3.intoArray(c, c3);
        b3.intoArray(c, c3 + LANES);
    }

    /** {@link #tileF32} for F16 weights. */
    static void tileF16(int[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector b0 = FloatVector.fromArray(F, c, co + LANES);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector b1 = FloatVector.fromArray(F, c, c1 + LANES);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector b2 = FloatVector.fromArray(F, c, c2 + LANES);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        FloatVector b3 = FloatVector.fromArray(F, c, c3 + LANES);
        IntVector m = IntVector.broadcast(I, HALF_BITS);
        FloatVector bias = FloatVector.broadcast(F, HALF_BIAS);
        int end = xo + n * TILE;
        for (int i = xo, wi = s; i < end; i += TILE, wi += LANES) {
            IntVector pairs = IntVector.fromArray(I, w, wi);
            FloatVector p = half(pairs.lanewise(VectorOperators.LSHL, 16), m, bias);
            FloatVector q = half(pairs, m, bias);
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
        }
        a0.intoArray(c, co);
        b0.intoArray(c, co + LANES);
        a1.intoArray(c, c1);
        b1.intoArray(c, c1 + LANES);
        a2.intoArray(c, c2);
        b2.intoArray(c, c2 + LANES);
        a3.intoArray(c, c3);
        b3.intoArray(c, c3 + LANES);
    }

    /** {@link #tileF32} over rows of 16 on every machine, for attention. */
    static void tile16(float[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        if (STRIP == 16) {
            tileF32(w, s, n, x, xo, c, co, cs);
        } else {
            for (int lane = 0; lane < 16; lane += LANES) {
                vector16(w, s + lane, n, x, xo, c, co + lane, cs);
            }
        }
    }

    private static void vector16(
            float[] w, int s, int n, float[] x, int xo, float[] c, int co, int cs) {
        int c1 = co + cs;
        int c2 = c1 + cs;
        int c3 = c2 + cs;
        FloatVector a0 = FloatVector.fromArray(F, c, co);
        FloatVector a1 = FloatVector.fromArray(F, c, c1);
        FloatVector a2 = FloatVector.fromArray(F, c, c2);
        FloatVector a3 = FloatVector.fromArray(F, c, c3);
        int end = xo + n * TILE;
        for (int i = xo, wi = s; i < end; i += TILE, wi += 16) {
            FloatVector p = FloatVector.fromArray(F, w, wi);
            a0 = p.fma(FloatVector.broadcast(F, x[i]), a0);
            a1 = p.fma(FloatVector.broadcast(F, x[i + 1]), a1);
            a2 = p.fma(FloatVector.broadcast(F, x[i + 2]), a2);
            a3 = p.fma(FloatVector.broadcast(F, x[i + 3]), a3);
        }
        a0.intoArray(c, co);
        a1.intoArray(c, c1);
        a2.intoArray(c, c2);
        a3.intoArray(c, c3);
    }
}
