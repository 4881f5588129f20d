package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;
import io.millrace.gpu.program.StepBatch;
import java.nio.IntBuffer;

/**
 * Offsets of a step's tables, in words, and their writer.
 *
 * <pre>
 * counts      words of blocks, for each CTA of resolve that brings some on a cache line of its own
 * header      StepHeader of params.h
 * rowStart    (most rows + 1)
 * gather      (most rows)        token whose logits are computed, by sample
 * sample      SampleStep of sample_params.h: how rows are sampled
 * rowTable    (most rows)        index in blocks of the row's first block id
 * lastSamples (most rows)        tokenIds of a row's token that the step before samples, else 0
 * tokenIds    (most tokens)      LAST_SAMPLE - slot for a token that the step before samples
 * positions   (most tokens)
 * rowOf       (most tokens)      row of each token
 * blocks      0, the block of rows that have ended; then block ids, row after row
 * </pre>
 */
public final class StepLayout {
    private static final int LINE = ParamsHeader.LINE_WORDS;
    private static final int COUNTS = ParamsHeader.RESOLVE_BLOCK_CTAS;

    public final int header = COUNTS * LINE;
    public final int tokenIds;
    public final int positions;
    public final int rowOf;
    public final int rowStart;
    public final int rowTable;
    public final int lastSamples;
    public final int gather;
    public final int sample;

    /** Slots by sample, the first table of {@code sample}. */
    public final int slots;

    public final int blocks;
    private final int blockSize;

    public StepLayout(int maxTokens, int maxRows, int blockSize) {
        this.blockSize = blockSize;
        rowStart = header + LINE;
        gather = rowStart + aligned(maxRows + 1);
        sample = gather + aligned(maxRows);
        slots = sample + SampleLaunches.STEP_HEADER;
        rowTable = sample + aligned(SampleLaunches.stepWords(maxRows));
        lastSamples = rowTable + aligned(maxRows);
        tokenIds = lastSamples + aligned(maxRows);
        positions = tokenIds + aligned(maxTokens);
        rowOf = positions + aligned(maxTokens);
        blocks = rowOf + aligned(maxTokens);
    }

    /** Each table begins on a cache line. */
    private static int aligned(int words) {
        return (words + LINE - 1) / LINE * LINE;
    }

    /** Writes a step's tables, and returns their number of words. */
    public int write(StepBatch batch, QueuedStep step, IntBuffer to) {
        to.put(header, batch.tokens).put(header + 1, batch.rows);
        to.put(header + 2, batch.samples()).put(header + 3, 0);
        to.put(tokenIds, batch.tokenIds, 0, batch.tokens);
        to.put(positions, batch.positions, 0, batch.tokens);
        to.put(rowStart, batch.rowStart, 0, batch.rows + 1);
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
            to.put(lastSamples + row, 0);
            for (int i = 0; i < batch.samples(row); i++) {
                to.put(gather + batch.sampleStart[row] + i, batch.firstSampled(row) + i);
            }
            if (batch.tokenIds[end - 1] == StepBatch.LAST_SAMPLE) {
                int id = StepBatch.LAST_SAMPLE - step.slot(batch.sampleStart[row]);
                to.put(lastSamples + row, id);
                to.put(tokenIds + end - 1, id);
            }
        }
        for (int i = 0; i < COUNTS; i++) {
            to.put(i * LINE, next);
        }
        // A row grows by one block in a step that decodes.
        int likely = Math.min(next + batch.rows, to.capacity() - blocks);
        step.write(batch, likely, to, sample);
        return blocks + next;
    }
}
