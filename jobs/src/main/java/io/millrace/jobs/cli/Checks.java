package io.millrace.jobs.cli;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.api.constraint.ConstraintOption;
import java.util.Map;

/** Checks of option values; each failure names the option, the value and what it must be. */
public final class Checks {
    private Checks() {}

    public static void atLeast(String option, long value, long least) {
        if (value < least) {
            throw new CommandFailedException(
                    option + " is " + value + ": it must be at least " + least + ".");
        }
    }

    public static void range(String option, double value, double least, double most) {
        if (!(value >= least && value <= most)) {
            throw new CommandFailedException(
                    option + " is " + value + ": it must be from " + least + " to " + most + ".");
        }
    }

    /** The constraint that options say; null where none is given. */
    public static Constraint constraint(Map<ConstraintOption, Object> given) {
        try {
            return ConstraintOption.of(given);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(e.getMessage(), e);
        }
    }
}
