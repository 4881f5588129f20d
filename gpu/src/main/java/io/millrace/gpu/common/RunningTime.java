package io.millrace.gpu.common;

import java.util.function.LongSupplier;

/**
 * How long something has run in total, over periods that begin and end. One thread begins and ends
 * them; any thread reads. Takes no lock and allocates nothing.
 */
public final class RunningTime {
    private final LongSupplier clock;
    private final long origin;

    /**
     * Nanoseconds of all periods; while one runs, these less the time at which it began, which is
     * negative. One variable, so that a reader never counts a period twice.
     */
    private volatile long state;

    public RunningTime() {
        this(System::nanoTime);
    }

    /**
     * @param clock nanoseconds since any fixed time
     */
    public RunningTime(LongSupplier clock) {
        this.clock = clock;
        // Times are at least 1, and so above the total of all periods before them.
        origin = clock.getAsLong() - 1;
    }

    /** Begins a period; none may run. */
    public void begin() {
        long total = state;
        if (total < 0) {
            throw new IllegalStateException("A period runs already.");
        }
        state = total - now();
    }

    /** Ends the period that runs. */
    public void end() {
        long begun = state;
        if (begun >= 0) {
            throw new IllegalStateException("No period runs.");
        }
        state = now() + begun;
    }

    /** Nanoseconds of all periods so far, the one that runs included. */
    public long nanos() {
        long read = state;
        return read < 0 ? now() + read : read;
    }

    private long now() {
        return clock.getAsLong() - origin;
    }
}
