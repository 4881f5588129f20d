package io.millrace.operators.options;

import io.millrace.gpu.api.OptionNames;
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

    /** As {@link PipelineOption} has it: five minutes, three attempts; no journal. */
    public static final FaultOptions DEFAULT =
            new FaultOptions(
                    (Duration) PipelineOption.STEP_TIMEOUT.setting().values().fallback(),
                    (int) PipelineOption.MAX_ATTEMPTS.setting().values().fallback(),
                    null);

    public FaultOptions {
        PipelineOption.STEP_TIMEOUT.check(stepTimeout, OptionNames.JAVA);
        PipelineOption.MAX_ATTEMPTS.check(maxAttempts, OptionNames.JAVA);
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
