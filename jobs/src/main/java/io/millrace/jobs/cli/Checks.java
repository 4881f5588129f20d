package io.millrace.jobs.cli;

/** Range checks of option values; each failure names the option, the value and the range. */
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
}
