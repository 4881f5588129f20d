package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.sampling.Philox;
import io.millrace.gpu.sampling.SamplingMath;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.BitSet;
import java.util.Random;

/** Rows, logits and draws of samplers under test. */
final class TestingDraws {
    static final SamplingParameters GREEDY = SamplingParameters.greedy(10);

    static final SamplingParameters PLAIN = SamplingParameters.builder().temperature(1).build();

    private TestingDraws() {}

    static int plainDraw(float[] logits, SamplingRow row, BitSet allowed) {
        float max = Float.NEGATIVE_INFINITY;
        for (float v : logits) {
            max = Math.max(max, v);
        }
        int[] words = new int[4];
        int winner = -1;
        float highest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            Philox.block(
                    i / 4,
                    row.position,
                    row.completion,
                    0,
                    (int) row.seed,
                    (int) (row.seed >>> 32),
                    words);
            float value = logits[i] - max + SamplingMath.noise(words[i % 4]);
            if (allowed.get(i) && value > highest) {
                highest = value;
                winner = i;
            }
        }
        return winner;
    }

    static BitSet all(int n) {
        BitSet all = new BitSet();
        all.set(0, n);
        return all;
    }

    /** Which tokens come in 2,000 draws, ascending. */
    static int[] drawn(SamplingParameters parameters, float... logits) {
        CpuSampler sampler = new CpuSampler(logits.length);
        BitSet drawn = new BitSet();
        for (int i = 0; i < 2_000; i++) {
            drawn.set(sampler.sample(logits, 0, row(parameters, i)));
        }
        return drawn.stream().toArray();
    }

    static int draw(SamplingParameters parameters, long seed, float... logits) {
        return draw(row(parameters, seed), logits);
    }

    static int draw(SamplingRow row, float... logits) {
        return new CpuSampler(logits.length).sample(logits, 0, row);
    }

    static SamplingRow row(SamplingParameters parameters, long seed) {
        return new SamplingRow(parameters, seed, 0, new int[] {0});
    }

    static void generated(SamplingRow row, int... tokens) {
        row.generated = tokens;
        row.generatedCount = tokens.length;
    }

    static float[] randomLogits(int n, long seed) {
        Random random = new Random(seed);
        float[] logits = new float[n];
        for (int i = 0; i < n; i++) {
            logits[i] = (float) (random.nextGaussian() * 3);
        }
        return logits;
    }

    static double[] softmax(float[] logits, double temperature) {
        double[] p = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = Math.exp(logits[i] / temperature);
            sum += p[i];
        }
        for (int i = 0; i < p.length; i++) {
            p[i] /= sum;
        }
        return p;
    }
}
