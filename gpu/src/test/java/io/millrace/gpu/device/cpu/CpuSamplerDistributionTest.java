package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.TestingDraws.PLAIN;
import static io.millrace.gpu.device.cpu.TestingDraws.row;
import static io.millrace.gpu.device.cpu.TestingDraws.softmax;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.sampling.SamplingRow;
import org.junit.jupiter.api.Test;

/** How often tokens are drawn. */
class CpuSamplerDistributionTest {
    @Test
    void drawsFollowTheProbabilities() {
        float[] logits = {0.3f, -1.2f, 2.1f, 1.7f, 0f, -3f, 1.1f};
        assertFollows(PLAIN, logits, softmax(logits, 1));
    }

    @Test
    void drawsFollowTheProbabilitiesAtAnotherTemperature() {
        float[] logits = {0.3f, -1.2f, 2.1f, 1.7f, 0f, -3f, 1.1f};
        assertFollows(PLAIN.toBuilder().temperature(2.5).build(), logits, softmax(logits, 2.5));
    }

    @Test
    void drawsWithTopKFollowTheProbabilitiesOfWhatIsLeft() {
        float[] logits = {0.3f, -1.2f, 2.1f, 1.7f, 0f, -3f, 1.1f};
        assertFollows(PLAIN.toBuilder().topK(3).build(), logits, kept(logits, 2, 3, 6));
    }

    @Test
    void drawsWithTopPFollowTheProbabilitiesOfWhatIsLeft() {
        // Probabilities 0.49, 0.33, 0.18 of 2, 3, 6 and little else: 0.75 needs two of them.
        float[] logits = {-9f, -9f, 2.1f, 1.7f, -9f, -9f, 1.1f};
        assertFollows(PLAIN.toBuilder().topP(0.75).build(), logits, kept(logits, 2, 3));
    }

    @Test
    void drawsOfNeighbouringPositionsCompletionsAndSeedsAreUnrelated() {
        float[] logits = new float[16];
        CpuSampler sampler = new CpuSampler(16);
        int equal = 0;
        int draws = 20_000;
        for (int i = 0; i < draws; i++) {
            SamplingRow row = row(PLAIN, i);
            int first = sampler.sample(logits, 0, row);
            row.position++;
            equal += sampler.sample(logits, 0, row) == first ? 1 : 0;
            SamplingRow sibling = new SamplingRow(PLAIN, i, 1, new int[] {0});
            equal += sampler.sample(logits, 0, sibling) == first ? 1 : 0;
            equal += sampler.sample(logits, 0, row(PLAIN, i + 1L)) == first ? 1 : 0;
        }
        assertThat(equal / (3.0 * draws)).isCloseTo(1 / 16.0, within(0.005));
    }

    /** Chi-square of 40,000 draws, with a bound that one in a million honest samplers breaks. */
    private static void assertFollows(
            SamplingParameters parameters, float[] logits, double[] probabilities) {
        int draws = 40_000;
        int[] counts = new int[logits.length];
        CpuSampler sampler = new CpuSampler(logits.length);
        for (int i = 0; i < draws; i++) {
            SamplingRow row = row(parameters, 12345);
            row.position = i;
            counts[sampler.sample(logits, 0, row)]++;
        }
        double chiSquare = 0;
        for (int i = 0; i < counts.length; i++) {
            double expected = probabilities[i] * draws;
            if (expected == 0) {
                assertThat(counts[i]).isZero();
            } else {
                chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
            }
        }
        assertThat(chiSquare).isLessThan(38);
    }

    private static double[] kept(float[] logits, int... ids) {
        double[] all = softmax(logits, 1);
        double[] p = new double[logits.length];
        double sum = 0;
        for (int id : ids) {
            sum += all[id];
        }
        for (int id : ids) {
            p[id] = all[id] / sum;
        }
        return p;
    }
}
