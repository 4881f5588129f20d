package io.millrace.gpu.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.GenerationResult.TokenLogprobs;
import io.millrace.gpu.SamplingParameters;
import io.millrace.gpu.backend.SamplingRow;
import io.millrace.gpu.backend.StepOutput;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CpuSamplerTest {
    private static final SamplingParameters GREEDY = SamplingParameters.greedy(10);
    private static final SamplingParameters PLAIN =
            SamplingParameters.builder().temperature(1).build();

    @Test
    void temperatureZeroTakesTheLargestAndTheLowestIdOfEquals() {
        assertThat(draw(GREEDY, 0, 1f, 3f, 2f)).isEqualTo(1);
        assertThat(draw(GREEDY, 0, 1f, 3f, 3f, 3f)).isEqualTo(1);
        assertThat(draw(GREEDY, 0, Float.NEGATIVE_INFINITY, -5f)).isEqualTo(1);
        assertThat(draw(PLAIN.toBuilder().temperature(1e-42).build(), 0, 1f, 3f, 3f)).isEqualTo(1);
    }

    @Test
    void readsLogitsFromTheOffsetAndLeavesThemAsTheyAre() {
        float[] logits = {99, 1, 3, 2, 99};
        float[] before = logits.clone();
        CpuSampler sampler = new CpuSampler(3);
        SamplingParameters all =
                PLAIN.toBuilder()
                        .topK(2)
                        .topP(0.9)
                        .repetitionPenalty(1.5)
                        .presencePenalty(1)
                        .build();
        assertThat(sampler.sample(logits, 1, row(GREEDY, 0))).isEqualTo(1);
        assertThat(sampler.sample(logits, 1, row(all, 0))).isBetween(0, 2);
        sampler.logprobs(logits, 1, 0, 2);
        assertThat(logits).containsExactly(before);
    }

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

    @Test
    void aDrawIsAFunctionOfSeedCompletionAndPosition() {
        float[] logits = randomLogits(97, 1);
        CpuSampler used = new CpuSampler(97);
        for (int i = 0; i < 54; i++) {
            int fresh = new CpuSampler(97).sample(logits, 0, row(PLAIN, i));
            assertThat(used.sample(logits, 0, row(PLAIN, i))).isEqualTo(fresh);
        }
    }

    @Test
    void skippingHopelessTokensChangesNoDraw() {
        for (int vocabulary : new int[] {1, 17, 54, 97, 1023}) {
            float[] logits = randomLogits(vocabulary, vocabulary);
            CpuSampler sampler = new CpuSampler(vocabulary);
            for (int seed = 0; seed < 50; seed++) {
                SamplingRow row = row(PLAIN, seed);
                row.position = seed * 3;
                assertThat(sampler.sample(logits, 0, row))
                        .isEqualTo(plainDraw(logits, row, all(vocabulary)));
            }
        }
    }

    @Test
    void aSeedUsesAll64Bits() {
        float[] logits = new float[1023];
        CpuSampler sampler = new CpuSampler(1023);
        assertThat(sampler.sample(logits, 0, row(PLAIN, 5L)))
                .isNotEqualTo(sampler.sample(logits, 0, row(PLAIN, 5L + (1L << 32))));
    }

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

    @Test
    void repetitionPenaltyMeetsPromptAndOutputOnce() {
        SamplingParameters p = GREEDY.toBuilder().repetitionPenalty(2).build();
        SamplingRow row = new SamplingRow(p, 0, 0, new int[] {0, 0, 0});
        assertThat(draw(row, 3f, 1.4f, 0f)).as("3 / 2, once, not thrice").isZero();
        assertThat(draw(row, 3f, 1.6f, 0f)).isEqualTo(1);
        generated(row, 1, 1);
        assertThat(draw(row, 3f, 2f, 1.2f)).isEqualTo(0);
        assertThat(draw(row, -1f, -1f, -1.9f)).as("negative: multiplied").isEqualTo(2);
    }

    @Test
    void presenceAndFrequencyMeetOutputOnly() {
        SamplingParameters presence = GREEDY.toBuilder().presencePenalty(1).build();
        SamplingRow row = new SamplingRow(presence, 0, 0, new int[] {0, 0, 0});
        assertThat(draw(row, 1f, 0.5f, 0f)).isZero();
        generated(row, 0, 0, 0);
        assertThat(draw(row, 1f, 0.5f, 0f)).isEqualTo(1);
        assertThat(draw(row, 1.6f, 0.5f, 0f)).as("once, not thrice").isZero();

        SamplingParameters frequency = GREEDY.toBuilder().frequencyPenalty(1).build();
        row = new SamplingRow(frequency, 0, 0, new int[] {0, 0, 0});
        generated(row, 0, 0, 0);
        assertThat(draw(row, 3.4f, 0.5f, 0f)).as("thrice").isEqualTo(1);
        assertThat(draw(row, 3.6f, 0.5f, 0f)).isZero();
    }

    @Test
    void penaltiesLeaveNothingBehind() {
        SamplingParameters all =
                GREEDY.toBuilder()
                        .repetitionPenalty(2)
                        .presencePenalty(1)
                        .frequencyPenalty(1)
                        .build();
        CpuSampler sampler = new CpuSampler(3);
        SamplingRow row = new SamplingRow(all, 0, 0, new int[] {0, 1});
        generated(row, 2, 2, 0);
        float[] logits = {5f, 2f, 9f};
        int first = sampler.sample(logits, 0, row);
        assertThat(sampler.sample(logits, 0, row)).isEqualTo(first);
        SamplingRow other = new SamplingRow(all, 0, 0, new int[] {1});
        assertThat(sampler.sample(logits, 0, other)).isEqualTo(2);
    }

    @Test
    void absurdPenaltiesMakeNoNaN() {
        SamplingParameters absurd =
                PLAIN.toBuilder().repetitionPenalty(1e-300).temperature(1e-30).build();
        SamplingRow row = new SamplingRow(absurd, 0, 0, new int[] {0, 1});
        assertThat(draw(row, 1f, 0f, 3f)).isBetween(0, 2);
        row =
                new SamplingRow(
                        absurd.toBuilder().repetitionPenalty(1e300).build(), 0, 0, row.prompt);
        assertThat(draw(row, 1f, -1f, 3f)).isBetween(0, 2);
        assertThat(draw(row, 0f, Float.NEGATIVE_INFINITY, 3f)).isBetween(0, 2);
        row =
                new SamplingRow(
                        absurd.toBuilder().repetitionPenalty(1e-50).build(), 0, 0, row.prompt);
        assertThat(draw(row, 0f, Float.NEGATIVE_INFINITY, 3f)).isBetween(0, 2);
    }

    @Test
    void badLogitsAreReportedAndNotDrawnFrom() {
        for (SamplingParameters p :
                new SamplingParameters[] {GREEDY, PLAIN, PLAIN.toBuilder().topP(0.5).build()}) {
            assertThat(draw(p, 0, 1f, Float.NaN, 2f)).isEqualTo(StepOutput.BAD_LOGITS);
            assertThat(draw(p, 0, Float.NaN)).isEqualTo(StepOutput.BAD_LOGITS);
            assertThat(draw(p, 0, 1f, Float.POSITIVE_INFINITY)).isEqualTo(StepOutput.BAD_LOGITS);
            assertThat(draw(p, 0, Float.NEGATIVE_INFINITY)).isEqualTo(StepOutput.BAD_LOGITS);
            assertThat(draw(p, 0, Float.NEGATIVE_INFINITY, 0f)).isEqualTo(1);
        }
    }

    @Test
    void logprobsAreThoseOfTheRawLogits() {
        float[] logits = randomLogits(97, 3);
        double[] truth = softmax(logits, 1);
        TokenLogprobs p = new CpuSampler(97).logprobs(logits, 0, 41, 5);
        assertThat(p.tokenId()).isEqualTo(41);
        assertThat((double) p.logprob()).isCloseTo(Math.log(truth[41]), within(1e-5));
        Integer[] ids = new Integer[97];
        Arrays.setAll(ids, i -> i);
        Arrays.sort(ids, (a, b) -> Double.compare(truth[b], truth[a]));
        for (int i = 0; i < 5; i++) {
            assertThat(p.topIds()[i]).isEqualTo(ids[i]);
            assertThat((double) p.topLogprobs()[i])
                    .isCloseTo(Math.log(truth[ids[i]]), within(1e-5));
        }
    }

    @Test
    void topLogprobsOfEqualsComeByIdAndNoMoreThanThereAre() {
        TokenLogprobs p = new CpuSampler(3).logprobs(new float[] {1, 1, 2}, 0, 1, 20);
        assertThat(p.topIds()).containsExactly(2, 0, 1);
        assertThat(new CpuSampler(3).logprobs(new float[] {1, 1, 2}, 0, 1, 0).topIds()).isEmpty();
    }

    @Test
    void noReleaseChangesADraw() {
        Random random = new Random(1);
        int vocabulary = 1023;
        CpuSampler sampler = new CpuSampler(vocabulary);
        float[] logits = new float[vocabulary];
        int digest = 0;
        for (int i = 0; i < 300; i++) {
            for (int token = 0; token < vocabulary; token++) {
                logits[token] = (random.nextInt(2001) - 1000) / 128f;
            }
            SamplingParameters p =
                    SamplingParameters.builder()
                            .temperature((i % 4) * 0.7)
                            .topK(i % 3 * 30)
                            .topP(i % 5 == 0 ? 0.9 : 1)
                            .minP(i % 7 == 0 ? 0.02 : 0)
                            .repetitionPenalty(i % 2 == 0 ? 1.1 : 1)
                            .presencePenalty(i % 6 == 0 ? 0.5 : 0)
                            .frequencyPenalty(i % 9 == 0 ? 0.25 : 0)
                            .build();
            SamplingRow row = new SamplingRow(p, i * 0x9E3779B97F4A7C15L, i % 4, new int[] {1, 2});
            generated(row, 5, 6, 6, 7);
            row.position = i;
            int token = sampler.sample(logits, 0, row);
            TokenLogprobs logprobs = sampler.logprobs(logits, 0, token, 5);
            digest = 31 * digest + token;
            digest = 31 * digest + Float.floatToRawIntBits(logprobs.logprob());
            digest = 31 * digest + Arrays.hashCode(logprobs.topIds());
            digest = 31 * digest + Arrays.hashCode(logprobs.topLogprobs());
        }
        assertThat(digest).isEqualTo(-1271516245);
    }

    @Test
    void plainDrawsAllocateNothing() {
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean)
                        java.lang.management.ManagementFactory.getThreadMXBean();
        float[] logits = randomLogits(1023, 5);
        CpuSampler sampler = new CpuSampler(1023);
        SamplingRow greedy = row(GREEDY, 1);
        SamplingRow nucleus = row(PLAIN.toBuilder().topK(40).topP(0.9).minP(0.01).build(), 1);
        int sum = 0;
        for (int i = 0; i < 200; i++) {
            sum += sampler.sample(logits, 0, greedy) + sampler.sample(logits, 0, nucleus);
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 1000; i++) {
            sum += sampler.sample(logits, 0, greedy) + sampler.sample(logits, 0, nucleus);
        }
        // The bean itself may allocate a little.
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(2_000);
        assertThat(sum).isPositive();
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

    private static int plainDraw(float[] logits, SamplingRow row, BitSet allowed) {
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

    private static BitSet all(int n) {
        BitSet all = new BitSet();
        all.set(0, n);
        return all;
    }

    /** Which tokens come in 2,000 draws, ascending. */
    private static int[] drawn(SamplingParameters parameters, float... logits) {
        CpuSampler sampler = new CpuSampler(logits.length);
        BitSet drawn = new BitSet();
        for (int i = 0; i < 2_000; i++) {
            drawn.set(sampler.sample(logits, 0, row(parameters, i)));
        }
        return drawn.stream().toArray();
    }

    private static int draw(SamplingParameters parameters, long seed, float... logits) {
        return draw(row(parameters, seed), logits);
    }

    private static int draw(SamplingRow row, float... logits) {
        return new CpuSampler(logits.length).sample(logits, 0, row);
    }

    private static SamplingRow row(SamplingParameters parameters, long seed) {
        return new SamplingRow(parameters, seed, 0, new int[] {0});
    }

    private static void generated(SamplingRow row, int... tokens) {
        row.generated = tokens;
        row.generatedCount = tokens.length;
    }

    private static float[] randomLogits(int n, long seed) {
        Random random = new Random(seed);
        float[] logits = new float[n];
        for (int i = 0; i < n; i++) {
            logits[i] = (float) (random.nextGaussian() * 3);
        }
        return logits;
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

    private static double[] softmax(float[] logits, double temperature) {
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
