package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.TestingDraws.GREEDY;
import static io.millrace.gpu.device.cpu.TestingDraws.PLAIN;
import static io.millrace.gpu.device.cpu.TestingDraws.draw;
import static io.millrace.gpu.device.cpu.TestingDraws.generated;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What was there before makes tokens less likely. */
class CpuSamplerPenaltyTest {
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
    void aLogitOfNegativeInfinityStaysSoUnderPenalties() {
        List<SamplingParameters> penalties =
                List.of(
                        GREEDY.toBuilder().repetitionPenalty(2).build(),
                        GREEDY.toBuilder().presencePenalty(1).build(),
                        PLAIN.toBuilder().frequencyPenalty(-2).build(),
                        PLAIN.toBuilder().repetitionPenalty(0.5).topK(2).build());
        for (SamplingParameters p : penalties) {
            SamplingParameters suppressed = p.toBuilder().suppressTokens(List.of(0)).build();
            SamplingRow row = new SamplingRow(suppressed, 0, 0, new int[] {0, 1});
            generated(row, 1);
            assertThat(draw(row, 3f, Float.NEGATIVE_INFINITY)).isEqualTo(StepOutput.BAD_LOGITS);
            assertThat(draw(row, 3f, -Float.MAX_VALUE)).isEqualTo(1);
        }
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
}
