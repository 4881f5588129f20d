package io.millrace.gpu.program;

import io.millrace.gpu.sampling.SamplingRow;

/**
 * One forward pass: a flat list of tokens, grouped by row (sequence). Reused from step to step;
 * arrays may be longer than their content.
 *
 * <pre>
 * row       0           1     2
 * tokens   [a b c d e] [f]   [g h]         tokens = 8, rows = 3
 * rowStart  0           5     6     8
 * position  0 1 2 3 4   41    16 17        absolute positions, ascending within a row
 * samples   0           1     2            a token is sampled after each of the row's last tokens
 * sampled               [f]   [g h]        samples() = 3
 * sampleStart 0         0     1     3
 * </pre>
 */
public final class StepBatch {
    /**
     * Stands for the token that the previous launch sampled for the row's {@link #sampling}; see
     * {@code ModelRunner}. Such a row has this one token, and one sample.
     */
    public static final int LAST_SAMPLE = -1;

    /** Number of tokens. */
    public int tokens;

    /** Number of rows. */
    public int rows;

    /** Token ids, or {@link #LAST_SAMPLE}. (tokens) */
    public int[] tokenIds;

    /** Absolute position of each token in its sequence. (tokens) */
    public int[] positions;

    /** First token of each row; entry {@code rows} is {@code tokens}. (rows + 1) */
    public int[] rowStart;

    /**
     * KV block ids of each row in order of position, covering positions 0 up to the row's last
     * token here. (rows)(blocks)
     */
    public int[][] blockTables;

    /** First sample of each row; entry {@code rows} is {@link #samples()}. (rows + 1) */
    public final int[] sampleStart;

    /**
     * Sampling of each row; null for a row without samples, whose logits are not needed. The first
     * sample is the completion's next token. If there are more, the row's tokens between them count
     * as generated. (rows)
     */
    public final SamplingRow[] sampling;

    /** A batch of up to {@code maxTokens} tokens and {@code maxRows} rows. */
    public StepBatch(int maxTokens, int maxRows) {
        tokenIds = new int[maxTokens];
        positions = new int[maxTokens];
        rowStart = new int[maxRows + 1];
        blockTables = new int[maxRows][];
        sampleStart = new int[maxRows + 1];
        sampling = new SamplingRow[maxRows];
    }

    /**
     * Requests a sample after each of the row's last {@code samples} tokens. To be called for each
     * row, in order.
     *
     * @param how null for no sample
     */
    public void sample(int row, int samples, SamplingRow how) {
        if (samples < 0 || samples > 0 != (how != null)) {
            throw new IllegalArgumentException(
                    "Row %d has %d samples, but %s its sampling."
                            .formatted(row, samples, how == null ? "lacks" : "has"));
        }
        sampling[row] = how;
        sampleStart[row + 1] = sampleStart[row] + samples;
    }

    /** Number of samples of a row. */
    public int samples(int row) {
        return sampleStart[row + 1] - sampleStart[row];
    }

    /** Number of samples of all rows. */
    public int samples() {
        return sampleStart[rows];
    }

    /** The token after which a row's first sample is taken. */
    public int firstSampled(int row) {
        return rowStart[row + 1] - samples(row);
    }
}
