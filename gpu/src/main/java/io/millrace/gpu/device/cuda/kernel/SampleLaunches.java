package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader;
import java.util.List;

/**
 * Grids of the sampling kernels and the sizes of their scratch. A test compares the constants with
 * those of the kernels' sources. Grids are fixed for an engine: kernels read the number of rows
 * from device memory.
 */
public final class SampleLaunches {
    /** Bits of a token id in a sort key. */
    public static final int TOKEN_BITS = 20;

    /** Choices of kernels that sample the rows of a step. */
    public static final int KINDS = 6;

    static final int TILE = 4096;
    static final int CHUNK = 8192;

    /** Tokens of a HeadTile. */
    public static final int HEAD_TILE = SampleParamsHeader.HEAD_TILE;

    public static final int BUCKETS = 4096;
    public static final int LIST = SampleParamsHeader.LIST;
    public static final int MAX_TOP = SampleParamsHeader.MAX_TOP;

    static final int SCAN_THREADS = 256;
    static final int CHUNK_THREADS = 512;
    static final int FINISH_THREADS = 256;
    static final int LOGPROB_THREADS = 512;
    static final int DELIVER_THREADS = 512;

    /** Words of a row whose counts are rebuilt. */
    public static final int ADMIT_WORDS = 4;

    /** Words before the tables of a step. */
    public static final int STEP_HEADER = SampleParamsHeader.STEP_HEADER;

    /** Words of a row's log probabilities. */
    public static final int LOGPROB_WORDS = SampleParamsHeader.LOGPROB_WORDS;

    /** CTAs per multiprocessor, about as many as can be resident. */
    private static final int SCANS = 8;

    private static final int OTHERS = 4;

    private final int vocabulary;
    private final int maxRows;
    private final int multiprocessors;

    public SampleLaunches(int vocabulary, int maxRows, int multiprocessors) {
        this.vocabulary = vocabulary;
        this.maxRows = maxRows;
        this.multiprocessors = multiprocessors;
    }

    /** One pass over all rows. */
    public KernelLaunch scan() {
        return launch("sample_scan", (long) maxRows * tiles(), SCANS, SCAN_THREADS);
    }

    /** Counts and masses of filtered rows by bucket. */
    public KernelLaunch histogram() {
        return launch("sample_histogram", (long) maxRows * chunks(), OTHERS, CHUNK_THREADS);
    }

    /** Bounds of the kept buckets of filtered rows. */
    public KernelLaunch bound() {
        return launch("sample_bound", maxRows, OTHERS, CHUNK_THREADS);
    }

    /** Samples of filtered rows among the kept buckets. */
    public KernelLaunch split() {
        return launch("sample_split", (long) maxRows * chunks(), OTHERS, CHUNK_THREADS);
    }

    /** The ids of all rows. */
    public KernelLaunch finish() {
        return launch("sample_finish", maxRows, OTHERS, FINISH_THREADS);
    }

    /** The ids of all rows, after a head that sampled. */
    public KernelLaunch pick() {
        return launch("sample_pick", maxRows, OTHERS, FINISH_THREADS);
    }

    /** Log probabilities of the rows that have them. */
    public KernelLaunch logprobs() {
        return launch("sample_logprobs", maxRows, OTHERS, LOGPROB_THREADS);
    }

    /** Writes the step's output to the host. */
    public static KernelLaunch deliver() {
        return new KernelLaunch("sample_deliver", 1, 1, 1, DELIVER_THREADS, 0);
    }

    /** Initializes the slots of new rows. */
    public static KernelLaunch begin(int rows) {
        return new KernelLaunch("sample_begin", rows, 1, 1, LOGPROB_THREADS, 0);
    }

    /** Rebuilds the counts of rows. */
    public static KernelLaunch admit(int rows) {
        return new KernelLaunch("sample_admit", rows, 1, 1, LOGPROB_THREADS, 0);
    }

    /** Masks of rows of logits. */
    public KernelLaunch mask(int masks) {
        return new KernelLaunch("sample_mask", tiles(), masks, 1, SCAN_THREADS, 0);
    }

    /** All launches, each with the most rows. */
    List<KernelLaunch> all() {
        return List.of(
                scan(),
                histogram(),
                bound(),
                split(),
                finish(),
                pick(),
                logprobs(),
                deliver(),
                begin(maxRows),
                admit(maxRows),
                mask(maxRows));
    }

    private KernelLaunch launch(String kernel, long items, int each, int threads) {
        int grid = (int) Math.min(items, (long) multiprocessors * each);
        return new KernelLaunch(kernel, grid, 1, 1, threads, 0);
    }

    /** Tiles of a row. */
    public int tiles() {
        return (vocabulary + TILE - 1) / TILE;
    }

    /** The head's tiles of a row. */
    public int headTiles() {
        return (vocabulary + HEAD_TILE - 1) / HEAD_TILE;
    }

    /** Chunks of a row. */
    public int chunks() {
        return (vocabulary + CHUNK - 1) / CHUNK;
    }

    /** Counts of one slot. */
    public long countWords() {
        return (vocabulary + 3L) / 4 * 4;
    }

    /** Words of one slot's stop ids. */
    public long stopWords() {
        return (vocabulary + 31L) / 32;
    }

    /** Words of a step's tables. */
    public static int stepWords(int maxRows) {
        return STEP_HEADER + 4 * maxRows;
    }
}
