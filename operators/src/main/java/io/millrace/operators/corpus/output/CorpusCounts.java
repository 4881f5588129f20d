package io.millrace.operators.corpus.output;

/**
 * Names of the job's accumulators. They count the current attempt; counts of restored state have
 * names of their own.
 */
public final class CorpusCounts {
    public static final String ROWS = "corpus-rows";
    public static final String FAILURES = "corpus-failures";
    public static final String TOKENS = "corpus-tokens";
    public static final String BYTES = "corpus-bytes";

    /** Prefix of the names of restored counts. */
    public static final String RESTORED = "restored-";

    /** Input files whose output or failure is committed. */
    public static final String FILES = "corpus-files";

    /** 1 once all outcomes have arrived: the next checkpoint is the last one. */
    public static final String ENDED = "corpus-ended";

    private CorpusCounts() {}
}
