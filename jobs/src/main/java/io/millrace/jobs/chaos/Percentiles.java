package io.millrace.jobs.chaos;

import java.util.List;

/** Percentiles of times. */
final class Percentiles {
    private Percentiles() {}

    /** p50, p99 and maximum; empty without values. */
    static List<Long> of(List<Long> times) {
        if (times.isEmpty()) {
            return List.of();
        }
        List<Long> sorted = times.stream().sorted().toList();
        return List.of(at(sorted, 50), at(sorted, 99), sorted.get(sorted.size() - 1));
    }

    /** The nearest rank. */
    private static Long at(List<Long> sorted, int percent) {
        return sorted.get((percent * sorted.size() + 99) / 100 - 1);
    }
}
