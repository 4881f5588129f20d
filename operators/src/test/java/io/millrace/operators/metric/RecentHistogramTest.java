package io.millrace.operators.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.apache.flink.metrics.HistogramStatistics;
import org.junit.jupiter.api.Test;

class RecentHistogramTest {
    private long now = Long.MAX_VALUE - 17;
    private final RecentHistogram histogram = new RecentHistogram(() -> now);

    @Test
    void aPercentileGoesWhenItsTrafficHasStopped() {
        for (int i = 1; i <= 97; i++) {
            histogram.update(i);
        }
        assertThat(histogram.getStatistics().getQuantile(0.99)).isEqualTo(97);
        now += RecentHistogram.REMEMBERED_NANOS - 1;
        assertThat(histogram.getStatistics().size()).isEqualTo(97);
        histogram.update(3);
        now += 1;
        HistogramStatistics later = histogram.getStatistics();
        assertThat(later.getValues()).containsExactly(3);
        assertThat(later.getQuantile(0.99)).isEqualTo(3);
        now += RecentHistogram.REMEMBERED_NANOS;
        HistogramStatistics none = histogram.getStatistics();
        assertThat(none.size()).isZero();
        assertThat(none.getQuantile(0.99)).isNaN();
        assertThat(none.getMean()).isNaN();
        assertThat(histogram.getCount()).isEqualTo(98);
    }

    @Test
    void theNewestValuesCountWhereThereAreMore() {
        for (int i = 0; i < RecentHistogram.MOST + 17; i++) {
            histogram.update(i);
        }
        HistogramStatistics statistics = histogram.getStatistics();
        assertThat(statistics.size()).isEqualTo(RecentHistogram.MOST);
        assertThat(statistics.getMin()).isEqualTo(17);
        assertThat(statistics.getMax()).isEqualTo(RecentHistogram.MOST + 16);
        assertThat(statistics.getMean())
                .isCloseTo(17 + (RecentHistogram.MOST - 1) / 2.0, within(1e-9));
    }
}
