package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.program.StepBatch;
import java.nio.IntBuffer;

/**
 * Where the tables of a step lie, in words, and how they are written.
 *
 * <pre>
 * header      tokens, rows, sampled, words of blocks
 * rowStart    (most rows + 1)
 * rowTable    (most rows)        where the row's block ids begin in blocks
 * drawn       (most rows)        1 + slot of a row whose token the step before draws, else 0
 * gather      (most rows)        token whose logits are wanted, by sampled row
 * sample      SampleStep of sample_params.h: how rows are drawn
 * tokenIds    (most tokens)      DRAWN - slot for a token that the step before draws
 * positions   (most tokens)
 * rowOf       (most tokens)      row of each token
 * blocks      0, which is the block of a row that has ended; then block ids, row after row
 * </pre>
 */
public final class StepLayout {
    private static final int HEADER_WORDS = 4;

    /** Words; so that each table begins on 16 bytes. */
    private static final int ALIGNMENT = 4;

    public final int tokenIds;
    public final int positions;
    public final int rowOf;
    public final int rowStart;
    public final int rowTable;
    public final int drawn;
    public final int gather;
    public final int sample;

    /** Slots of the sampled rows, the first table of {@code sample}. */
    public final int slots;

    public final int blocks;
    private final int blockSize;

    public StepLayout(int maxTokens, int maxRows, int blockSize) {
        this.blockSize = blockSize;
        rowStart = HEADER_WORDS;
        rowTable = rowStart + aligned(maxRows + 1);
        drawn = rowTable + aligned(maxRows);
        gather = drawn + aligned(maxRows);
        sample = gather + aligned(maxRows);
        slots = sample + SampleLaunches.STEP_HEADER;
        tokenIds = sample + aligned(SampleLaunches.stepWords(maxRows));
        positions = tokenIds + aligned(maxTokens);
        rowOf = positions + aligned(maxTokens);
        blocks = rowOf + aligned(maxTokens);
    }

    static int aligned(int words) {
        return (words + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Gives the number of words that the step's tables take. */
    public int write(StepBatch batch, QueuedStep step, IntBuffer to) {
        to.put(0, batch.tokens);
        to.put(1, batch.rows);
        to.put(tokenIds, batch.tokenIds, 0, batch.tokens);
        to.put(positions, batch.positions, 0, batch.tokens);
        to.put(rowStart, batch.rowStart, 0, batch.rows + 1);
        int sampled = 0;
        to.put(blocks, 0);
        int next = 1;
        for (int row = 0; row < batch.rows; row++) {
            int end = batch.rowStart[row + 1];
            for (int token = batch.rowStart[row]; token < end; token++) {
                to.put(rowOf + token, row);
            }
            int count = batch.positions[end - 1] / blockSize + 1;
            to.put(rowTable + row, next);
            to.put(blocks + next, batch.blockTables[row], 0, count);
            next += count;
            to.put(drawn + row, 0);
            if (batch.sampling[row] != null) {
                if (batch.tokenIds[end - 1] == StepBatch.DRAWN) {
                    to.put(drawn + row, 1 + step.slot(sampled));
                    to.put(tokenIds + end - 1, StepBatch.DRAWN - step.slot(sampled));
                }
                to.put(gather + sampled++, end - 1);
            }
        }
        to.put(2, sampled);
        to.put(3, next);
        step.write(batch, to, sample);
        return blocks + next;
    }
}
