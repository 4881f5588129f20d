package io.millrace.operators.corpus.output;

/**
 * Names of the job's accumulators. The sums are of this attempt; what restored state held is told
 * under names of its own.
 */
public final class CorpusCounts {
    public static final String ROWS = "corpus-rows";
    public static final String FAILURES = "corpus-failures";
    public static final String TOKENS = "corpus-tokens";
    public static final String BYTES = "corpus-bytes";

    /** Begins the name of what was there before this attempt. */
    public static final String RESTORED = "restored-";

    /** Input files whose output, or failure, is where it belongs. */
    public static final String FILES = "corpus-files";

    /** 1 once all outcomes have arrived: the next checkpoint is the last one. */
    public static final String ENDED = "corpus-ended";

    private CorpusCounts() {}
}
