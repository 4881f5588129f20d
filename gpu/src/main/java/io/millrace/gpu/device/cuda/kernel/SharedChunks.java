package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.program.StepBatch;
import java.util.BitSet;

/**
 * Decides whether rows of one token may have whole chunks of attention in the same KV blocks, as
 * rows with a common prefix do. The device finds the chunks ({@code attention_plan}), because it
 * knows which rows have ended. The launches for such steps compute the same bits, and read a chunk
 * once for many rows.
 */
public final class SharedChunks {
    private final int blockSize;
    private final BitSet ends = new BitSet();

    /**
     * @param blockSize positions per KV block
     */
    public SharedChunks(int blockSize) {
        this.blockSize = blockSize;
    }

    /**
     * Whether two of the rows of one token have a first chunk that is before their own position and
     * ends in the same block. Rows that have a later chunk in common have the first one too.
     *
     * @param least least number of chunks of all rows of one token. Fewer chunks run at the same
     *     time on the GPU, and faster than shared ones
     */
    public boolean any(StepBatch batch, int least) {
        int end = (Numerics.ATTENTION_CHUNK - 1) / blockSize;
        int chunks = 0;
        boolean found = false;
        ends.clear();
        for (int row = 0; row < batch.rows; row++) {
            int token = batch.rowStart[row];
            if (batch.rowStart[row + 1] - token != 1) {
                continue;
            }
            int whole = batch.positions[token] / Numerics.ATTENTION_CHUNK;
            chunks += whole + 1;
            if (whole > 0) {
                int block = batch.blockTables[row][end];
                found |= ends.get(block);
                ends.set(block);
            }
        }
        return found && chunks >= least;
    }
}
