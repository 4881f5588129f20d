package io.millrace.jobs.verify;

import io.millrace.jobs.cli.ExitCode;

/** The verdict of an audit and its exit code; the most severe applies. */
enum Verdict {
    PROVEN(ExitCode.DONE),
    /** An answer that was computed again has other bytes. */
    DIFFERENT(ExitCode.DIFFERENT),
    /** A request without its one answer, or an answer without its request. */
    INCOMPLETE(ExitCode.INCOMPLETE),
    /** Answers of another model or other kernels, whose bytes cannot be checked here. */
    OTHER_FINGERPRINT(ExitCode.OTHER_FINGERPRINT);

    private final ExitCode exitCode;

    Verdict(ExitCode exitCode) {
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode.code();
    }
}
