package io.millrace.gpu.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LogitEditsTest {
    private static final float NONE = Float.NEGATIVE_INFINITY;

    @Test
    void tokensComeInOrderAndOnce() {
        LogitEdits edits =
                LogitEdits.of(
                        parameters().suppressTokens(List.of(54, 3, 54)).minTokens(2).build(),
                        new int[] {-1, 3, 17, 17, 1000},
                        5);
        assertThat(IntStream.range(0, edits.size()).map(edits::token))
                .containsExactly(3, 17, 54, 1000);
        assertThat(IntStream.range(0, edits.size()).map(edits::until))
                .as("suppressed for ever, or until the first two tokens are generated")
                .containsExactly(Integer.MAX_VALUE, 7, Integer.MAX_VALUE, 7);
        assertThat(edits.size(97)).isEqualTo(3);
        assertThat(edits.size(3)).isZero();
    }

    @Test
    void whatEndsACompletionIsSampledOnceTheMinimumIsGenerated() {
        LogitEdits edits = LogitEdits.of(parameters().minTokens(2).build(), new int[] {1, 1000}, 5);
        assertThat(applied(edits, 5, 1, 2, 3)).containsExactly(1, NONE, 3);
        assertThat(applied(edits, 6, 1, 2, 3)).containsExactly(1, NONE, 3);
        assertThat(applied(edits, 7, 1, 2, 3)).containsExactly(1, 2, 3);
        assertThat(edits.endBefore(6)).isFalse();
        assertThat(edits.endBefore(7)).isTrue();
    }

    @Test
    void aMinimumBeyondAllPositionsIsForEver() {
        LogitEdits edits =
                LogitEdits.of(parameters().minTokens(Integer.MAX_VALUE).build(), new int[] {0}, 54);
        assertThat(applied(edits, 1_000_000, 1, 2)).containsExactly(NONE, 2);
    }

    @Test
    void withoutParametersThereIsNone() {
        LogitEdits edits = LogitEdits.of(parameters().build(), new int[] {1}, 5);
        assertThat(edits.size()).isZero();
        assertThat(edits.endBefore(0)).isTrue();
    }

    @Test
    void aBiasIsAddedWithinTheFiniteFloatsAndWakesNoToken() {
        LogitEdits edits =
                new LogitEdits(
                        new int[] {0, 1, 2, 3, 4},
                        new float[] {0.5f, 3e38f, -3e38f, 100, 0},
                        new int[] {0, 0, 0, 0, 0});
        assertThat(applied(edits, 9, 1, 3e38f, -3e38f, NONE, -0f))
                .containsExactly(1.5f, Float.MAX_VALUE, -Float.MAX_VALUE, NONE, -0f);
        assertThat(edits.endBefore(Integer.MAX_VALUE)).isFalse();
    }

    @Test
    void biasesOfARequestAreAddedToTheTokensNamed() {
        LogitEdits edits =
                LogitEdits.of(
                        parameters()
                                .logitBias(Map.of("2", 0.5, "0", -1.0, "1", 100.0))
                                .suppressTokens(List.of(1))
                                .minTokens(1)
                                .build(),
                        new int[] {2},
                        5);
        assertThat(applied(edits, 5, 1, 1, 1, 1)).containsExactly(0, NONE, NONE, 1);
        assertThat(applied(edits, 6, 1, 1, 1, 1)).containsExactly(0, NONE, 1.5f, 1);
    }

    @Test
    void aTokenWithABiasCanBeHeldBackFirst() {
        LogitEdits edits = new LogitEdits(new int[] {1}, new float[] {2}, new int[] {7});
        assertThat(applied(edits, 6, 1, 1)).containsExactly(1, NONE);
        assertThat(applied(edits, 7, 1, 1)).containsExactly(1, 3);
    }

    private static float[] applied(LogitEdits edits, int position, float... logits) {
        edits.apply(logits, position);
        return logits;
    }

    private static SamplingParameters.Builder parameters() {
        return SamplingParameters.builder();
    }
}
