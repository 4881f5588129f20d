package io.millrace.jobs.verify;

import io.millrace.jobs.cli.ExitCode;

/** What an audit says in one word, and the exit code that says it; the gravest wins. */
enum Verdict {
    PROVEN(ExitCode.DONE),
    /** An answer that was computed again has other bytes. */
    DIFFERENT(ExitCode.DIFFERENT),
    /** A request without its one answer, or an answer without its request. */
    INCOMPLETE(ExitCode.INCOMPLETE),
    /** Answers of a model, or of kernels, that are not here: nothing is said of their bytes. */
    OTHER_FINGERPRINT(ExitCode.OTHER_FINGERPRINT);

    private final ExitCode exitCode;

    Verdict(ExitCode exitCode) {
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode.code();
    }
}
