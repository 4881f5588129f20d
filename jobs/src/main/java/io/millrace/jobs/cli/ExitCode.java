package io.millrace.jobs.cli;

/** Exit codes of commands. */
public enum ExitCode {
    DONE(0, "done; of `run`: stopped with a savepoint"),
    FAILED(
            1,
            "failed, with one sentence on standard error; of `submit` also lines left out, of"
                    + " `corpus` rows or files without an answer, or stopped before the end, of"
                    + " `results` the time was up, of `chaos` and `demo --kill` not proven"),
    USAGE(2, "a usage error: an option that is unknown, missing or not readable"),
    /** The JVM's own number, see {@code -XX:+ExitOnOutOfMemoryError} in the launcher. */
    OUT_OF_MEMORY(
            3,
            "the heap is full; the last line and the log say so. The next `run` resumes the last"
                    + " checkpoint: give it more heap"),
    DIFFERENT(4, "of `verify`: bytes differ"),
    INCOMPLETE(
            5, "of `verify`: a request without its one answer, or an answer without its request"),
    OTHER_FINGERPRINT(6, "of `verify`: answers of another fingerprint, and else nothing wrong"),
    /** The exit code of shells for a program ended by Ctrl-C. */
    INTERRUPTED(130, "a second Ctrl-C or SIGTERM, before the first one's work was done");

    private final int code;
    private final String meaning;

    ExitCode(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    public int code() {
        return code;
    }

    /** For the table of docs/running.md. */
    public String meaning() {
        return meaning;
    }
}
