package io.millrace.operators.options;

import io.millrace.gpu.api.OptionNames;
import java.io.Serializable;
import java.time.Duration;

/**
 * Options for failures of the engine.
 *
 * @param stepTimeout timeout of one step; zero for none
 * @param maxAttempts number of failures of the engine with a request alone before it is a dead
 *     letter
 * @param journal folder that keeps suspects across restarts, on any of Flink's file systems; null
 *     for none: then a request that fails the engine does so again after each restart
 */
public record FaultOptions(Duration stepTimeout, int maxAttempts, String journal)
        implements Serializable {

    /** Defaults of {@link PipelineOption}: five minutes, three attempts; no journal. */
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
