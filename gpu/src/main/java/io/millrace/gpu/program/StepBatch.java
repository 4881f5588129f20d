package io.millrace.gpu.program;

import io.millrace.gpu.sampling.SamplingRow;

/**
 * One forward pass: a flat list of tokens, grouped by row (sequence). Reused from step to step;
 * arrays may be longer than what they hold.
 *
 * <pre>
 * row       0           1     2
 * tokens   [a b c d e] [f]   [g h]         tokens = 8, rows = 3
 * rowStart  0           5     6     8
 * position  0 1 2 3 4   41    16 17        absolute positions, ascending within a row
 * sampled   no          yes   yes          logits wanted for the row's last token
 * </pre>
 */
public final class StepBatch {
    /**
     * In place of a token: the one that the launch before this drew for the row's {@link
     * #sampling}; see {@code ModelRunner}. Such a row has this one token, and is sampled.
     */
    public static final int DRAWN = -1;

    /** Number of tokens. */
    public int tokens;

    /** Number of rows. */
    public int rows;

    /** Token ids, or {@link #DRAWN}. (tokens) */
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

    /**
     * How to draw each row's next token, for the position after the row's last one; null for a row
     * whose prompt is not complete after this step: its logits are not needed. (rows)
     */
    public SamplingRow[] sampling;

    /** Room for {@code maxTokens} tokens and {@code maxRows} rows. */
    public StepBatch(int maxTokens, int maxRows) {
        tokenIds = new int[maxTokens];
        positions = new int[maxTokens];
        rowStart = new int[maxRows + 1];
        blockTables = new int[maxRows][];
        sampling = new SamplingRow[maxRows];
    }
}
