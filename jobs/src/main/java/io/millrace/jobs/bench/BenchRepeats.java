package io.millrace.jobs.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.ToDoubleFunction;

/**
 * The number of runs of a workload: until it is warm, then enough for a stable median.
 *
 * @param leastWarmUpNanos minimum time of warm-up
 * @param warmUpNanos maximum time of warm-up
 * @param nanos time of counted runs
 */
record BenchRepeats(long leastWarmUpNanos, long warmUpNanos, long nanos) {
    private static final double AGREE = 0.1;

    /** Factor from the warm-up of a workload to that of an engine. */
    private static final int ENGINE = 4;

    /** Share of compile time below which the code counts as warm. */
    private static final double IDLE = 0.05;

    private static final int LEAST = 3;
    private static final int MOST = 9;

    /** For published figures: C2 takes seconds to compile the loops of a model. */
    static final BenchRepeats FULL =
            new BenchRepeats(2_000_000_000L, 5_000_000_000L, 5_000_000_000L);

    /** To check that a benchmark works. */
    static final BenchRepeats QUICK = new BenchRepeats(0, 0, 1);

    /**
     * Whether an engine needs further warm-up, which is done once for all workloads.
     *
     * @param compiling recent share of compile time
     */
    boolean isCold(long spentNanos, double compiling) {
        return spentNanos < ENGINE * leastWarmUpNanos
                || spentNanos < ENGINE * warmUpNanos && compiling > IDLE;
    }

    /**
     * The run whose rate is the median.
     *
     * @param checkedNanos time that the workload has run already, for checks
     * @param run makes a run by its number, which is unique
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
            // A workload that takes the whole time is run once.
            time = spent < nanos || runs.size() < LEAST && spent / runs.size() < nanos;
        }
        runs.sort(Comparator.comparingDouble(rate));
        return runs.get((runs.size() - 1) / 2);
    }
}
