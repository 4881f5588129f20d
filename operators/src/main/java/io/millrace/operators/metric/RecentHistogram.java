package io.millrace.operators.metric;

import java.util.Arrays;
import java.util.function.LongSupplier;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.HistogramStatistics;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogramStatistics;

/**
 * The values of the last minute, at most the newest 1,000: percentiles do not keep old values when
 * no new ones arrive. Written by the task, read by reporters.
 */
public final class RecentHistogram implements Histogram {
    /** More would make a snapshot of the percentiles costly. */
    static final int MOST = 1000;

    static final long REMEMBERED_NANOS = 60_000_000_000L;

    private final LongSupplier clock;
    private final long[] values = new long[MOST];
    private final long[] times = new long[MOST];
    private long count;

    /**
     * @param clock nanoseconds since any fixed time
     */
    public RecentHistogram(LongSupplier clock) {
        this.clock = clock;
    }

    @Override
    public synchronized void update(long value) {
        int place = (int) (count++ % MOST);
        values[place] = value;
        times[place] = clock.getAsLong();
    }

    /** Number of all values since the start. */
    @Override
    public synchronized long getCount() {
        return count;
    }

    /** Statistics of the kept values; without any, NaN except minimum and maximum. */
    @Override
    public HistogramStatistics getStatistics() {
        return new DescriptiveStatisticsHistogramStatistics(recent());
    }

    private synchronized double[] recent() {
        long now = clock.getAsLong();
        int kept = (int) Math.min(count, MOST);
        double[] recent = new double[kept];
        int size = 0;
        for (int i = 0; i < kept; i++) {
            if (now - times[i] < REMEMBERED_NANOS) {
                recent[size++] = values[i];
            }
        }
        return Arrays.copyOf(recent, size);
    }
}
