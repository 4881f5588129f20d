package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.TestingDraws.GREEDY;
import static io.millrace.gpu.device.cpu.TestingDraws.PLAIN;
import static io.millrace.gpu.device.cpu.TestingDraws.all;
import static io.millrace.gpu.device.cpu.TestingDraws.draw;
import static io.millrace.gpu.device.cpu.TestingDraws.generated;
import static io.millrace.gpu.device.cpu.TestingDraws.plainDraw;
import static io.millrace.gpu.device.cpu.TestingDraws.randomLogits;
import static io.millrace.gpu.device.cpu.TestingDraws.row;
import static io.millrace.gpu.device.cpu.TestingDraws.softmax;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CpuSamplerTest {
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
}
