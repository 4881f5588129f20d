package io.millrace.jobs.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.soak.SoakReport.Sample;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SoakReportTest {
    private static final int SAMPLES = 97;

    @Test
    void whatStaysAsItIsHasNoFault() {
        // A third of the looks meets one request more.
        assertThat(report(i -> 200_000_000 + i % 3 * 1000, i -> 54, i -> 300).faults()).isEmpty();
    }

    @Test
    void aHeapThatGrowsByThreePercentIsFound() {
        assertThat(report(i -> 200_000_000 + i * 70_000, i -> 54, i -> 300).faults())
                .singleElement()
                .asString()
                .contains("heap after a garbage collection", "1.03");
    }

    @Test
    void oneThreadAndOneHandleMoreAreFound() {
        assertThat(report(i -> 17, i -> 54 + i / 90, i -> 300 + i / 50).faults())
                .containsExactly(
                        "There were 54 threads in the first tenth, 55 in the last.",
                        "There were 300 handles in the first tenth, 301 in the last.");
    }

    @Test
    void stateIsCountedByRequest() {
        List<Sample> samples =
                LongStream.range(0, 20)
                        .mapToObj(i -> new Sample(i, 17, 10 + (int) i, 400 * (10 + i), 1, 1))
                        .toList();
        assertThat(new SoakReport(samples).stateRatio()).isEqualTo(1);
    }

    @Test
    void tooFewSamplesAreRefused() {
        assertThatThrownBy(() -> new SoakReport(List.of()))
                .hasMessage("There are 0 samples: at least 10 are needed.");
    }

    private static SoakReport report(
            LongUnaryOperator heap, LongUnaryOperator threads, LongUnaryOperator handles) {
        return new SoakReport(
                LongStream.range(0, SAMPLES)
                        .mapToObj(
                                i ->
                                        new Sample(
                                                i,
                                                heap.applyAsLong(i),
                                                17,
                                                17 * 300,
                                                (int) threads.applyAsLong(i),
                                                handles.applyAsLong(i)))
                        .toList());
    }
}
