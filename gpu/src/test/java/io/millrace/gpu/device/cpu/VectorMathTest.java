package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.StripKernels.F;
import static io.millrace.gpu.device.cpu.StripKernels.LANES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.ReferenceBackend;
import io.millrace.gpu.sampling.SamplingMath;
import java.util.Arrays;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VectorMathTest {
    private final Random random = new Random(13);
    private final float[] lanes = new float[VectorMath.SUM_LANES];

    @Test
    void expHasTheBitsOfTheSamplersExp() {
        float[] x = new float[LANES];
        float[] y = new float[LANES];
        for (int round = 0; round < 20_000; round++) {
            for (int i = 0; i < LANES; i++) {
                x[i] = -random.nextFloat() * (round % 2 == 0 ? 1 : 90);
            }
            if (round == 0) {
                x[0] = 0;
                x[1] = -87;
                x[2] = Math.nextDown(-87f);
                x[3] = Float.NEGATIVE_INFINITY;
            }
            VectorMath.exp(FloatVector.fromArray(F, x, 0)).intoArray(y, 0);
            for (int i = 0; i < LANES; i++) {
                assertThat(y[i]).isEqualTo(SamplingMath.exp(x[i]));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 54, 97, 1023})
    void softmaxIsNearTheExactOne(int n) {
        float[] x = new float[n + 40];
        double[] expected = new double[n];
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            x[3 + i] = (float) (8 * random.nextGaussian());
            max = Math.max(max, x[3 + i] * 0.125);
        }
        double sum = 0;
        for (int i = 0; i < n; i++) {
            expected[i] = Math.exp(x[3 + i] * 0.125 - max);
            sum += expected[i];
        }
        float total = VectorMath.softmax(x, 3, n, 0.125f, lanes);
        assertThat((double) total).isCloseTo(sum, within(sum * 1e-6));
        for (int i = 0; i < n; i++) {
            assertThat((double) x[3 + i]).isCloseTo(expected[i], within(1e-6));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 54, 97, 256, 1023})
    void normsAreNearTheExactOnes(int n) {
        float[] x = new float[n + 5];
        float[] weight = new float[n];
        float[] bias = new float[n];
        double[] exactX = new double[n];
        double[] exactWeight = new double[n];
        double[] exactBias = new double[n];
        for (int i = 0; i < n; i++) {
            exactX[i] = x[5 + i] = (float) random.nextGaussian() + 3;
            exactWeight[i] = weight[i] = (float) random.nextGaussian();
            exactBias[i] = bias[i] = (float) random.nextGaussian();
        }
        assertNormNear(
                x,
                new Norm<>(weight, null, 1e-5f),
                ReferenceBackend.norm(exactX, new Norm<>(exactWeight, null, 1e-5f)));
        assertNormNear(
                x,
                new Norm<>(weight, bias, 1e-5f),
                ReferenceBackend.norm(exactX, new Norm<>(exactWeight, exactBias, 1e-5f)));
    }

    private void assertNormNear(float[] x, Norm<float[]> norm, double[] expected) {
        float[] out = new float[expected.length + 7];
        VectorMath.norm(x, 5, expected.length, norm, out, 7, lanes);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) out[7 + i]).isCloseTo(expected[i], within(1e-5));
        }
        float[] inPlace = x.clone();
        VectorMath.norm(inPlace, 5, expected.length, norm, inPlace, 5, lanes);
        assertThat(Arrays.copyOfRange(inPlace, 5, inPlace.length))
                .isEqualTo(Arrays.copyOfRange(out, 7, out.length));
    }

    @Test
    void geluIsNearTheExactOneAndNeverOverflows() {
        float[] c = new float[LANES];
        float[] inputs = {0, 1, -1, 0.01f, -0.01f, 3, -3, 5.5f, -5.5f, 90, -90, 1e30f, -1e30f};
        for (float x : inputs) {
            c[0] = x;
            VectorMath.gelu(c, 0).intoArray(c, 0);
            // The oracle's tanh rounds to -1 below -3 or so: hence the absolute part.
            double expected = ReferenceBackend.gelu(x);
            assertThat((double) c[0]).isCloseTo(expected, within(Math.abs(expected) * 2e-6 + 1e-9));
        }
    }

    @Test
    void siluIsNearTheExactOneAndNeverOverflows() {
        float[] c = new float[2 * LANES];
        float[] gates = {0, 1, -1, 90, -90, 1e30f, -1e30f, 5.5f, -0f, 17, -17, 0.01f, 88, -88};
        for (float gate : gates) {
            c[0] = gate;
            c[LANES] = 3;
            VectorMath.siluTimes(c, 0).intoArray(c, 0);
            double expected = 3 * gate / (1 + Math.exp(-(double) gate));
            assertThat((double) c[0])
                    .isCloseTo(expected, within(Math.abs(expected) * 1e-6 + 1e-35));
        }
    }
}
