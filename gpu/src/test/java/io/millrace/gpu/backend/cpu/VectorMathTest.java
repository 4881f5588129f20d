package io.millrace.gpu.backend.cpu;

import static io.millrace.gpu.backend.cpu.StripKernels.F;
import static io.millrace.gpu.backend.cpu.StripKernels.LANES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.backend.ReferenceBackend;
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
    void normIsNearTheExactOne(int n) {
        float[] x = new float[n + 5];
        float[] weight = new float[n];
        double[] exactX = new double[n];
        double[] exactWeight = new double[n];
        for (int i = 0; i < n; i++) {
            exactX[i] = x[5 + i] = (float) random.nextGaussian();
            exactWeight[i] = weight[i] = (float) random.nextGaussian();
        }
        double[] expected = ReferenceBackend.norm(exactX, exactWeight, 1e-5f);
        float[] out = new float[n + 7];
        VectorMath.norm(x, 5, n, weight, 1e-5f, out, 7, lanes);
        for (int i = 0; i < n; i++) {
            assertThat((double) out[7 + i]).isCloseTo(expected[i], within(1e-5));
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
