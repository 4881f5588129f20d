package io.millrace.jobs.chaos.fault;

import java.time.Duration;
import java.util.List;

/**
 * What may happen in a run, and how often.
 *
 * @param kinds drawn from
 * @param count how many, spread over the run's answers; not asked with {@code every}
 * @param every time from one to the next, as many as there is time for; null for the other way
 */
public record Faults(List<FaultKind> kinds, int count, Duration every) {
    public Faults {
        kinds = List.copyOf(kinds);
    }

    /** So many, spread over the run's answers. */
    public static Faults of(int count, FaultKind... kinds) {
        return new Faults(List.of(kinds), count, null);
    }

    public static Faults none() {
        return of(0);
    }

    /** How many there are to be; -1 for as many as there is time for. */
    public int planned() {
        return every == null ? count : -1;
    }
}
