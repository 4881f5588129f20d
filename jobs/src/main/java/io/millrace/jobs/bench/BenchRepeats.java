package io.millrace.jobs.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.ToDoubleFunction;

/**
 * How often a workload is run: until it is warm, then so often that its median means something.
 *
 * @param leastWarmUpNanos least time for runs that do not count, however equal they are
 * @param warmUpNanos longest time for runs that do not count
 * @param nanos time for runs that count
 */
record BenchRepeats(long leastWarmUpNanos, long warmUpNanos, long nanos) {
    private static final double AGREE = 0.1;

    /** An engine is warmed up so many times as long as one workload. */
    private static final int ENGINE = 4;

    /** Share of the time below which the compiler has done what matters. */
    private static final double IDLE = 0.05;

    private static final int LEAST = 3;
    private static final int MOST = 9;

    /** For figures: C2 takes seconds to get to the loops of a model. */
    static final BenchRepeats FULL =
            new BenchRepeats(2_000_000_000L, 5_000_000_000L, 5_000_000_000L);

    /** To see that it works. */
    static final BenchRepeats QUICK = new BenchRepeats(0, 0, 1);

    /**
     * Whether an engine that has run for so long is worth more warming up, once for all workloads.
     *
     * @param compiling share of the time that the compiler was busy of late
     */
    boolean isCold(long spentNanos, double compiling) {
        return spentNanos < ENGINE * leastWarmUpNanos
                || spentNanos < ENGINE * warmUpNanos && compiling > IDLE;
    }

    /**
     * The run whose rate is the median.
     *
     * @param checkedNanos for how long the workload has run already, to be checked
     * @param run makes the run of a number; no two have the same
     */
    TimedRun median(long checkedNanos, IntFunction<TimedRun> run, ToDoubleFunction<TimedRun> rate) {
        int number = 0;
        long start = System.nanoTime() - checkedNanos;
        long spent = checkedNanos;
        double before = 0;
        double now = 0;
        while (number == 0 && spent < warmUpNanos
                || spent < leastWarmUpNanos
                || spent < warmUpNanos && Math.abs(now - before) > AGREE * Math.max(now, before)) {
            before = now;
            now = rate.applyAsDouble(run.apply(number++));
            spent = System.nanoTime() - start;
        }
        List<TimedRun> runs = new ArrayList<>();
        start = System.nanoTime();
        boolean time = true;
        while (runs.isEmpty() || runs.size() < MOST && time) {
            runs.add(run.apply(number++));
            spent = System.nanoTime() - start;
            // One that takes the whole time by itself is run once.
            time = spent < nanos || runs.size() < LEAST && spent / runs.size() < nanos;
        }
        runs.sort(Comparator.comparingDouble(rate));
        return runs.get((runs.size() - 1) / 2);
    }
}
