package io.millrace.jobs.chaos.fault;

import java.time.Duration;
import java.util.List;

/**
 * The kinds and the number of faults of a run.
 *
 * @param kinds the kinds to draw from
 * @param count number of faults, spread over the run's answers; unused with {@code every}
 * @param every interval of faults, as many as there is time for; null for {@code count} faults
 */
public record Faults(List<FaultKind> kinds, int count, Duration every) {
    public Faults {
        kinds = List.copyOf(kinds);
    }

    /** A number of faults, spread over the run's answers. */
    public static Faults of(int count, FaultKind... kinds) {
        return new Faults(List.of(kinds), count, null);
    }

    public static Faults none() {
        return of(0);
    }

    /** Number of planned faults; -1 for as many as there is time for. */
    public int planned() {
        return every == null ? count : -1;
    }
}
