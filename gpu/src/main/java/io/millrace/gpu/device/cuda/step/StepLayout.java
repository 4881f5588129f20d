package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.program.StepBatch;
import java.nio.IntBuffer;

/**
 * Offsets of a step's tables, in words, and their writer.
 *
 * <pre>
 * header      tokens, rows, sampled, 0
 * tokenIds    (most tokens)
 * positions   (most tokens)
 * rowOf       (most tokens)      row of each token
 * rowStart    (most rows + 1)
 * rowTable    (most rows)        index in blocks of the row's first block id
 * gather      (most rows)        token whose logits are computed, by sample
 * sample      SampleStep of sample_params.h: how rows are sampled
 * blocks      block ids, row after row; the copy to the device ends with the last of them
 * </pre>
 */
public final class StepLayout {
    private static final int HEADER_WORDS = 4;

    /** In words, so that each table begins at a multiple of 16 bytes. */
    private static final int ALIGNMENT = 4;

    public final int tokenIds;
    public final int positions;
    public final int rowOf;
    public final int rowStart;
    public final int rowTable;
    public final int gather;
    public final int sample;

    /** Slots by sample, the first table of {@code sample}. */
    public final int slots;

    public final int blocks;
    private final int blockSize;

    public StepLayout(int maxTokens, int maxRows, int blockSize) {
        this.blockSize = blockSize;
        tokenIds = HEADER_WORDS;
        positions = tokenIds + aligned(maxTokens);
        rowOf = positions + aligned(maxTokens);
        rowStart = rowOf + aligned(maxTokens);
        rowTable = rowStart + aligned(maxRows + 1);
        gather = rowTable + aligned(maxRows);
        sample = gather + aligned(maxRows);
        slots = sample + SampleLaunches.STEP_HEADER;
        blocks = sample + aligned(SampleLaunches.stepWords(maxRows));
    }

    private static int aligned(int words) {
        return (words + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Writes a step's tables, and returns their number of words. */
    public int write(StepBatch batch, QueuedStep step, IntBuffer to) {
        to.put(0, batch.tokens);
        to.put(1, batch.rows);
        to.put(3, 0);
        to.put(tokenIds, batch.tokenIds, 0, batch.tokens);
        to.put(positions, batch.positions, 0, batch.tokens);
        to.put(rowStart, batch.rowStart, 0, batch.rows + 1);
        int next = 0;
        for (int row = 0; row < batch.rows; row++) {
            int end = batch.rowStart[row + 1];
            for (int token = batch.rowStart[row]; token < end; token++) {
                to.put(rowOf + token, row);
            }
            int count = batch.positions[end - 1] / blockSize + 1;
            to.put(rowTable + row, next);
            to.put(blocks + next, batch.blockTables[row], 0, count);
            next += count;
            for (int i = 0; i < batch.samples(row); i++) {
                to.put(gather + batch.sampleStart[row] + i, batch.firstSampled(row) + i);
            }
        }
        to.put(2, batch.samples());
        step.write(batch, to, sample);
        return blocks + next;
    }
}
