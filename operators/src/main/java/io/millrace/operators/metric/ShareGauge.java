package io.millrace.operators.metric;

import java.util.function.LongSupplier;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.View;

/**
 * The share, from 0 to 1, of the last 15 seconds in which something ran. Flink calls {@link
 * #update} every {@value #UPDATE_INTERVAL_SECONDS} seconds; any thread reads.
 */
public final class ShareGauge implements Gauge<Double>, View {
    private static final int INTERVALS = 3;

    private final LongSupplier nanos;
    private final LongSupplier clock;

    /** Of the last updates, a ring: when they were, and what had run by then. */
    private final long[] times = new long[INTERVALS];

    private final long[] totals = new long[INTERVALS];
    private int oldest;
    private volatile double share;

    /**
     * @param nanos nanoseconds for which it has run in total
     */
    public ShareGauge(LongSupplier nanos) {
        this(nanos, System::nanoTime);
    }

    /**
     * @param clock nanoseconds since any fixed time
     */
    ShareGauge(LongSupplier nanos, LongSupplier clock) {
        this.nanos = nanos;
        this.clock = clock;
        for (int i = 0; i < INTERVALS; i++) {
            times[i] = clock.getAsLong();
            totals[i] = nanos.getAsLong();
        }
    }

    @Override
    public void update() {
        long now = clock.getAsLong();
        long total = nanos.getAsLong();
        long passed = now - times[oldest];
        if (passed > 0) {
            // The two clocks are read one after the other.
            share = Math.min(1.0, (double) (total - totals[oldest]) / passed);
        }
        times[oldest] = now;
        totals[oldest] = total;
        oldest = (oldest + 1) % INTERVALS;
    }

    @Override
    public Double getValue() {
        return share;
    }
}
