package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.LogitEdits;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Tokens whose logits a request changes. */
class CpuSamplerEditTest {
    private static final SamplingParameters GREEDY = SamplingParameters.greedy(9);
    private static final SamplingParameters LAST_SAMPLE =
            SamplingParameters.builder().temperature(1.3).build();

    @Test
    void aSuppressedTokenIsAsOneThatTheModelRulesOut() {
        Random random = new Random(1);
        for (int vocabulary : new int[] {17, 54, 97, 1023}) {
            CpuSampler sampler = new CpuSampler(vocabulary);
            for (int i = 0; i < 200; i++) {
                float[] logits = logits(vocabulary, random);
                int[] out = random.ints(1 + random.nextInt(9), 0, vocabulary).toArray();
                float[] ruledOut = logits.clone();
                Arrays.stream(out).forEach(token -> ruledOut[token] = Float.NEGATIVE_INFINITY);
                SamplingParameters.Builder p =
                        (i % 2 == 0 ? GREEDY : LAST_SAMPLE)
                                .toBuilder()
                                        .topK(i % 3 * 5)
                                        .topP(i % 5 == 0 ? 0.8 : 1)
                                        .minP(i % 7 == 0 ? 0.05 : 0);
                List<Integer> ids = Arrays.stream(out).boxed().toList();
                int token = sampler.sample(logits, 0, row(p.suppressTokens(ids).build(), i));
                assertThat(token)
                        .isEqualTo(
                                sampler.sample(
                                        ruledOut, 0, row(p.suppressTokens(List.of()).build(), i)))
                        .isNotIn(ids);
            }
        }
    }

    @Test
    void penaltiesComeBeforeEdits() {
        SamplingParameters p = GREEDY.toBuilder().repetitionPenalty(2).build();
        // Halved first it is 2.5; were the bias added first it would be 2.25.
        float[] logits = {2.4f, 4};
        LogitEdits edits = new LogitEdits(new int[] {1}, new float[] {0.5f}, new int[] {0});
        SamplingRow row = new SamplingRow(p, 1, 0, new int[] {1}, new int[0], edits);
        row.position = 1;
        assertThat(new CpuSampler(2).sample(logits, 0, row)).isOne();
    }

    @Test
    void aBiasWinsByJustItsSize() {
        float[] logits = {1, 3, 2};
        CpuSampler sampler = new CpuSampler(3);
        assertThat(sampler.sample(logits, 0, biased(GREEDY, 2, 0.9f))).isEqualTo(1);
        assertThat(sampler.sample(logits, 0, biased(GREEDY, 2, 1))).as("a tie").isEqualTo(1);
        assertThat(sampler.sample(logits, 0, biased(GREEDY, 2, 1.1f))).isEqualTo(2);
        assertThat(sampler.logprobs(logits, 0, 2, 1).topIds()).as("raw").containsExactly(1);
    }

    @Test
    void ifNothingIsLeftTheLogitsAreBad() {
        float[] logits = {1, 3, Float.NEGATIVE_INFINITY};
        for (SamplingParameters p :
                List.of(GREEDY, LAST_SAMPLE, LAST_SAMPLE.toBuilder().topK(2).build())) {
            SamplingRow row = row(p.toBuilder().suppressTokens(List.of(0, 1)).build(), 5);
            assertThat(new CpuSampler(3).sample(logits, 0, row)).isEqualTo(StepOutput.BAD_LOGITS);
        }
    }

    @Test
    void aBadLogitIsBadThoughItsTokenIsSuppressed() {
        float[] logits = {1, Float.NaN, 2};
        SamplingRow row = row(GREEDY.toBuilder().suppressTokens(List.of(1)).build(), 5);
        assertThat(new CpuSampler(3).sample(logits, 0, row)).isEqualTo(StepOutput.BAD_LOGITS);
    }

    private static SamplingRow biased(SamplingParameters p, int token, float bias) {
        LogitEdits edits = new LogitEdits(new int[] {token}, new float[] {bias}, new int[1]);
        return new SamplingRow(p, 1, 0, new int[] {1}, new int[0], edits);
    }

    private static SamplingRow row(SamplingParameters p, int position) {
        SamplingRow row = new SamplingRow(p, 54, 1, new int[] {1});
        row.position = 1 + position;
        return row;
    }

    private static float[] logits(int vocabulary, Random random) {
        float[] logits = new float[vocabulary];
        IntStream.range(0, vocabulary).forEach(i -> logits[i] = (float) random.nextGaussian() * 3);
        return logits;
    }
}
