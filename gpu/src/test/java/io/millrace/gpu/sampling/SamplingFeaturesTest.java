package io.millrace.gpu.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import org.junit.jupiter.api.Test;

class SamplingFeaturesTest {
    private static final SamplingParameters PLAIN =
            SamplingParameters.builder().temperature(1).build();

    @Test
    void whatIsOffIsNoFeature() {
        assertThat(of(PLAIN.toBuilder()))
                .isEqualTo(
                        new SamplingFeatures(
                                false,
                                false,
                                false,
                                false,
                                Integer.MAX_VALUE,
                                false,
                                false,
                                false,
                                false,
                                true));
        assertThat(of(PLAIN.toBuilder()).isFiltered(97)).isFalse();
    }

    @Test
    void penaltiesAreOneFeatureAndTheRepetitionPenaltyIsAnother() {
        SamplingFeatures repetition = of(PLAIN.toBuilder().repetitionPenalty(1.1));
        assertThat(repetition.repetition()).isTrue();
        assertThat(repetition.penalties()).isTrue();
        for (SamplingFeatures output :
                new SamplingFeatures[] {
                    of(PLAIN.toBuilder().presencePenalty(-1)),
                    of(PLAIN.toBuilder().frequencyPenalty(0.5))
                }) {
            assertThat(output.repetition()).isFalse();
            assertThat(output.penalties()).isTrue();
        }
    }

    @Test
    void filtersAreThoseThatCanLeaveATokenOut() {
        assertThat(of(PLAIN.toBuilder().topK(96)).isFiltered(97)).isTrue();
        assertThat(of(PLAIN.toBuilder().topK(97)).isFiltered(97)).isFalse();
        assertThat(of(PLAIN.toBuilder().topP(0.9)).isFiltered(97)).isTrue();
        assertThat(of(PLAIN.toBuilder().minP(0.1)).isFiltered(97)).isTrue();
        assertThat(of(PLAIN.toBuilder().minP(1e-300)).isFiltered(97)).as("0 as a float").isFalse();
    }

    @Test
    void aTemperatureBelowTheLeastNormalFloatIsGreedy() {
        assertThat(of(PLAIN.toBuilder().temperature(0)).greedy()).isTrue();
        assertThat(of(PLAIN.toBuilder().temperature(1e-42)).greedy()).isTrue();
        assertThat(of(PLAIN.toBuilder().temperature(1e-30)).greedy()).isFalse();
    }

    @Test
    void anyEditIsAFeature() {
        int[] one = {0};
        LogitEdits edits = new LogitEdits(one, new float[1], one);
        assertThat(SamplingFeatures.of(PLAIN, edits).edits()).isTrue();
    }

    @Test
    void noneOfTheTopIsALogProbabilityToo() {
        assertThat(of(PLAIN.toBuilder().logprobs(0)).logprobs()).isTrue();
    }

    @Test
    void aConstraintIsAMaskThatTheHostMakesOfTheTokensBefore() {
        SamplingFeatures constrained = of(PLAIN.toBuilder().constraint(Constraint.jsonObject()));
        assertThat(constrained.masked()).isTrue();
        assertThat(constrained.runsAhead()).isFalse();
    }

    private static SamplingFeatures of(SamplingParameters.Builder parameters) {
        return SamplingFeatures.of(parameters.build(), LogitEdits.NONE);
    }
}
