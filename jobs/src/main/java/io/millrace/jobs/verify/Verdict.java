package io.millrace.jobs.verify;

/** What an audit says in one word, and the exit code that says it; the gravest wins. */
enum Verdict {
    PROVEN(0),
    /** An answer that was computed again has other bytes. */
    DIFFERENT(3),
    /** A request without its one answer, or an answer without its request. */
    INCOMPLETE(4),
    /** Answers of a model, or of kernels, that are not here: nothing is said of their bytes. */
    OTHER_FINGERPRINT(5);

    private final int exitCode;

    Verdict(int exitCode) {
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode;
    }
}
