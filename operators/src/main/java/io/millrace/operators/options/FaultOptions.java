package io.millrace.operators.options;

import java.io.Serializable;
import java.time.Duration;

/**
 * What happens when the engine itself fails.
 *
 * @param stepTimeout most time for one step, zero for any
 * @param maxAttempts how often a request may bring the engine down while it runs alone
 * @param journal folder that remembers suspects across restarts, on any of Flink's file systems;
 *     null for none: then a request that fails the engine does so again after each restart
 */
public record FaultOptions(Duration stepTimeout, int maxAttempts, String journal)
        implements Serializable {

    /** Five minutes, three attempts, no journal. */
    public static final FaultOptions DEFAULT = new FaultOptions(Duration.ofMinutes(5), 3, null);

    public FaultOptions {
        if (stepTimeout.isNegative()) {
            throw new IllegalArgumentException(
                    "The step timeout is " + stepTimeout + "; it must be at least 0.");
        }
        if (maxAttempts < 1) {
            throw new IllegalArgumentException(
                    "The number of attempts is " + maxAttempts + "; it must be at least 1.");
        }
    }

    public FaultOptions withStepTimeout(Duration value) {
        return new FaultOptions(value, maxAttempts, journal);
    }

    public FaultOptions withMaxAttempts(int value) {
        return new FaultOptions(stepTimeout, value, journal);
    }

    public FaultOptions withJournal(String value) {
        return new FaultOptions(stepTimeout, maxAttempts, value);
    }
}
