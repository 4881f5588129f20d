package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.TestingDraws.PLAIN;
import static io.millrace.gpu.device.cpu.TestingDraws.drawn;
import static io.millrace.gpu.device.cpu.TestingDraws.plainDraw;
import static io.millrace.gpu.device.cpu.TestingDraws.randomLogits;
import static io.millrace.gpu.device.cpu.TestingDraws.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.sampling.SamplingMath;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which tokens top-k, top-p and min-p leave to draw from. */
class CpuSamplerSelectionTest {
    @Test
    void topKKeepsExactlyKTiesToTheLowestIds() {
        SamplingParameters two = PLAIN.toBuilder().topK(2).build();
        assertThat(drawn(two, 1f, 2f, 2f, 2f, 0f)).containsExactly(1, 2);
        assertThat(drawn(PLAIN.toBuilder().topK(1).build(), 1f, 2f, 2f)).containsExactly(1);
        assertThat(drawn(PLAIN.toBuilder().topK(99).build(), 1f, 2f, 2f)).containsExactly(0, 1, 2);
    }

    @Test
    void topPKeepsTheFewestWhoseMassReachesIt() {
        float[] quarters = {0f, 0f, 0f, 0f};
        assertThat(drawn(PLAIN.toBuilder().topP(0.25).build(), quarters)).containsExactly(0);
        assertThat(drawn(PLAIN.toBuilder().topP(0.26).build(), quarters)).containsExactly(0, 1);
        assertThat(drawn(PLAIN.toBuilder().topP(0.5).build(), quarters)).containsExactly(0, 1);
        assertThat(drawn(PLAIN.toBuilder().topP(0.76).build(), quarters))
                .containsExactly(0, 1, 2, 3);
        assertThat(drawn(PLAIN.toBuilder().topP(1e-300).build(), 1f, 2f, 0f)).containsExactly(1);
        assertThat(drawn(PLAIN.toBuilder().topP(1 - 0x1p-53).build(), quarters))
                .containsExactly(0, 1, 2, 3);
    }

    @Test
    void topPCountsTheMassThatTopKLeft() {
        // Of two equal tokens left by top-k, one has half of the mass.
        SamplingParameters both = PLAIN.toBuilder().topK(2).topP(0.5).build();
        assertThat(drawn(both, 0f, 0f, 0f, 0f)).containsExactly(0);
    }

    @Test
    void topPGivesTheSameForAnyOrderOfTheVocabulary() {
        Random random = new Random(7);
        SamplingParameters nucleus = PLAIN.toBuilder().topP(0.9).build();
        for (int trial = 0; trial < 20; trial++) {
            float[] logits = randomLogits(54, trial);
            int[] shuffled = shuffle(54, random);
            float[] moved = new float[54];
            for (int i = 0; i < 54; i++) {
                moved[shuffled[i]] = logits[i];
            }
            int[] expected =
                    Arrays.stream(drawn(nucleus, logits)).map(i -> shuffled[i]).sorted().toArray();
            // Draws differ with the ids, so compare what can be drawn at all.
            assertThat(drawn(nucleus, moved)).containsExactly(expected);
        }
    }

    @Test
    void selectionByBucketsKeepsWhatSortingKeeps() {
        for (int seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            int vocabulary = new int[] {1, 17, 54, 97, 1023}[seed % 5];
            double spread = new double[] {1e-4, 0.02, 1, 9, 60}[random.nextInt(5)];
            float[] logits = new float[vocabulary];
            for (int i = 0; i < vocabulary; i++) {
                // Rounded, so that there are ties.
                logits[i] = Math.round(random.nextGaussian() * 40) * (float) spread / 40;
            }
            SamplingParameters p =
                    PLAIN.toBuilder()
                            .topK(random.nextInt(3) * vocabulary / 3)
                            .topP(random.nextBoolean() ? 1 : random.nextDouble())
                            .minP(random.nextInt(3) * 0.1)
                            .build();
            BitSet allowed = sortedSelection(logits, p);
            CpuSampler sampler = new CpuSampler(vocabulary);
            for (int i = 0; i < 100; i++) {
                int token = sampler.sample(logits, 0, row(p, i));
                assertThat(token).isEqualTo(plainDraw(logits, row(p, i), allowed));
            }
        }
    }

    /** Steps 4 to 6 of the rule, by sorting. */
    private static BitSet sortedSelection(float[] logits, SamplingParameters p) {
        float max = logits[0];
        for (float v : logits) {
            max = Math.max(max, v);
        }
        float[] z = new float[logits.length];
        Integer[] order = new Integer[logits.length];
        for (int i = 0; i < z.length; i++) {
            z[i] = logits[i] - max;
            order[i] = i;
        }
        Arrays.sort(order, (a, b) -> z[a] != z[b] ? Float.compare(z[b], z[a]) : a - b);
        int k = p.topK() > 0 ? Math.min(p.topK(), z.length) : z.length;
        long total = 0;
        for (int i = 0; i < k; i++) {
            total += (long) (SamplingMath.exp(z[order[i]]) * 0x1p40f);
        }
        long wanted = Math.max(1, Math.min(total, (long) (p.topP() * (double) total)));
        BitSet allowed = new BitSet();
        long sum = 0;
        for (int i = 0; i < k && (p.topP() == 1 || sum < wanted); i++) {
            sum += (long) (SamplingMath.exp(z[order[i]]) * 0x1p40f);
            allowed.set(order[i], SamplingMath.exp(z[order[i]]) >= (float) p.minP());
        }
        return allowed;
    }

    @Test
    void minPKeepsWhatIsLikelyEnoughBesideTheLikeliest() {
        float ln2 = (float) Math.log(2);
        SamplingParameters half = PLAIN.toBuilder().minP(0.49).build();
        assertThat(drawn(half, 0f, -ln2, -1.1f * ln2, -3f)).containsExactly(0, 1);
        assertThat(drawn(PLAIN.toBuilder().minP(1).build(), 0f, 1f, 1f, 0.9f))
                .containsExactly(1, 2);
    }

    private static int[] shuffle(int n, Random random) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            int j = random.nextInt(i + 1);
            ids[i] = ids[j];
            ids[j] = i;
        }
        return ids;
    }
}
