package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.StripKernels.F;
import static io.millrace.gpu.device.cpu.StripKernels.LANES;

import io.millrace.gpu.device.Norm;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Row-wise math in fixed orders: norm, softmax, silu. */
final class VectorMath {
    /** Virtual lanes of a sum, on every machine. */
    static final int SUM_LANES = 16;

    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    private static final float ROUNDER = 12582912f;
    private static final float EXP_FLOOR = -87f;
    private static final float GELU_CUBE = 0.044715f;
    private static final float GELU_TWICE = 1.59576912f; // 2 sqrt(2 / pi)

    private VectorMath() {}

    /** {@code SamplingMath.exp} in every lane: e^x for x at most 0. */
    static FloatVector exp(FloatVector x) {
        FloatVector n = x.fma(broadcast(LOG2_E), broadcast(ROUNDER));
        // The low bits of the rounded float are the integer itself.
        IntVector exponent = n.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        n = n.sub(ROUNDER);
        FloatVector r = n.fma(broadcast(-LN2_HIGH), x);
        r = n.fma(broadcast(-LN2_LOW), r);
        FloatVector q = r.fma(broadcast(0.0001989198131f), broadcast(0.001393454193f));
        q = q.fma(r, broadcast(0.008333310024f));
        q = q.fma(r, broadcast(0.04166645681f));
        q = q.fma(r, broadcast(0.1666666668f));
        q = q.fma(r, broadcast(0.5000000014f));
        FloatVector power = r.mul(r).fma(q, r).add(1f);
        FloatVector scale = exponent.add(127 << 23).reinterpretAsFloats();
        return power.mul(scale).blend(0f, x.compare(VectorOperators.LT, EXP_FLOOR));
    }

    private static FloatVector broadcast(float value) {
        return FloatVector.broadcast(F, value);
    }

    /**
     * Replaces {@code n} values x, which are multiplied by {@code scale} first, by e^(x - max), and
     * returns their sum. The array is filled with zeros up to the next multiple of 16.
     */
    static float softmax(float[] x, int offset, int n, float scale, float[] lanes) {
        int end = offset + (n + SUM_LANES - 1) / SUM_LANES * SUM_LANES;
        for (int i = offset + n; i < end; i++) {
            x[i] = Float.NEGATIVE_INFINITY;
        }
        FloatVector most = broadcast(Float.NEGATIVE_INFINITY);
        for (int i = offset; i < end; i += LANES) {
            FloatVector v = FloatVector.fromArray(F, x, i).mul(scale);
            v.intoArray(x, i);
            most = most.max(v);
        }
        most.intoArray(lanes, 0);
        float max = lanes[0];
        for (int i = 1; i < LANES; i++) {
            max = Math.max(max, lanes[i]);
        }
        for (int lane = 0; lane < SUM_LANES; lane += LANES) {
            expAndSum(x, offset + lane, end, max, lanes, lane);
        }
        return close(lanes);
    }

    private static void expAndSum(
            float[] x, int from, int end, float max, float[] lanes, int lane) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = from; i < end; i += SUM_LANES) {
            FloatVector e = exp(FloatVector.fromArray(F, x, i).sub(max));
            e.intoArray(x, i);
            sum = sum.add(e);
        }
        sum.intoArray(lanes, lane);
    }

    /** Sums 16 lanes: adds lane i + 8 to lane i, then i + 4, i + 2, i + 1. */
    private static float close(float[] lanes) {
        for (int width = SUM_LANES / 2; width > 0; width >>= 1) {
            for (int i = 0; i < width; i++) {
                lanes[i] += lanes[i + width];
            }
        }
        return lanes[0];
    }

    /** RMSNorm or LayerNorm of one row; {@code out} may be {@code x}. */
    static void norm(
            float[] x, int xo, int n, Norm<float[]> norm, float[] out, int oo, float[] lanes) {
        float[] weight = norm.weight();
        float[] bias = norm.bias();
        if (bias == null) {
            float inverse = inverse(squares(x, xo, n, 0, lanes), n, norm.epsilon());
            for (int i = 0; i < n; i++) {
                out[oo + i] = x[xo + i] * inverse * weight[i];
            }
            return;
        }
        float mean = sum(x, xo, n, lanes) / n;
        float inverse = inverse(squares(x, xo, n, mean, lanes), n, norm.epsilon());
        for (int i = 0; i < n; i++) {
            out[oo + i] = (x[xo + i] - mean) * inverse * weight[i] + bias[i];
        }
    }

    // In double, sqrt and division are correctly rounded on every machine.
    private static float inverse(float squares, int n, float epsilon) {
        return (float) (1 / Math.sqrt((double) (squares / n) + epsilon));
    }

    private static float sum(float[] x, int xo, int n, float[] lanes) {
        int whole = n / SUM_LANES * SUM_LANES;
        for (int lane = 0; lane < SUM_LANES; lane += LANES) {
            FloatVector sum = FloatVector.zero(F);
            for (int i = lane; i < whole; i += SUM_LANES) {
                sum = sum.add(FloatVector.fromArray(F, x, xo + i));
            }
            sum.intoArray(lanes, lane);
        }
        for (int i = whole; i < n; i++) {
            lanes[i - whole] += x[xo + i];
        }
        return close(lanes);
    }

    /** Sum of the squares of x - mean. */
    private static float squares(float[] x, int xo, int n, float mean, float[] lanes) {
        int whole = n / SUM_LANES * SUM_LANES;
        for (int lane = 0; lane < SUM_LANES; lane += LANES) {
            FloatVector sum = FloatVector.zero(F);
            for (int i = lane; i < whole; i += SUM_LANES) {
                FloatVector v = FloatVector.fromArray(F, x, xo + i).sub(mean);
                sum = v.fma(v, sum);
            }
            sum.intoArray(lanes, lane);
        }
        for (int i = whole; i < n; i++) {
            float v = x[xo + i] - mean;
            lanes[i - whole] = Math.fma(v, v, lanes[i - whole]);
        }
        return close(lanes);
    }

    /**
     * silu(gate) * up for one vector of each: gate at {@code c[co]}, up LANES higher.
     *
     * <p>silu(x) = x / (1 + e^-x); with e = exp(-|x|) that is x / (1 + e) or x * e / (1 + e), and
     * neither overflows.
     */
    static FloatVector siluTimes(float[] c, int co) {
        FloatVector x = FloatVector.fromArray(F, c, co);
        FloatVector up = FloatVector.fromArray(F, c, co + LANES);
        return timesSigmoid(x, x).mul(up);
    }

    /**
     * GELU in its tanh form, of one vector at {@code c[co]}.
     *
     * <p>x * (1 + tanh(u)) / 2 with u = sqrt(2 / pi) * (x + 0.044715 x^3) is x / (1 + e^-2u): the
     * form of silu.
     */
    static FloatVector gelu(float[] c, int co) {
        FloatVector x = FloatVector.fromArray(F, c, co);
        FloatVector inner = x.mul(x).fma(broadcast(GELU_CUBE), broadcast(1f)).mul(x);
        FloatVector twice = inner.mul(GELU_TWICE);
        return timesSigmoid(x, twice);
    }

    /** x / (1 + e^-y); x and y have the same sign. */
    private static FloatVector timesSigmoid(FloatVector x, FloatVector y) {
        FloatVector e = exp(y.abs().neg());
        FloatVector numerator = x.blend(x.mul(e), y.compare(VectorOperators.LT, 0f));
        return numerator.div(e.add(1f));
    }
}
