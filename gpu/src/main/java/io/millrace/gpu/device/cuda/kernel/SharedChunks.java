package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.program.StepBatch;
import java.util.BitSet;

/**
 * Tells whether rows of one token may have whole chunks of attention in the same KV blocks, as rows
 * behind one prefix have. Which ones the device finds out ({@code attention_plan}): where a row has
 * ended, it knows better. Launches for such steps compute the same bits, and read a chunk once for
 * many rows.
 */
public final class SharedChunks {
    private final int blockSize;
    private final BitSet ends = new BitSet();

    /**
     * @param blockSize positions of a KV block
     */
    public SharedChunks(int blockSize) {
        this.blockSize = blockSize;
    }

    /**
     * Whether two of the rows of one token have a first chunk that is before their own position and
     * ends in the same block. Rows that have a later chunk in common have the first one too.
     *
     * @param least chunks that the rows of one token have to have, all counted; with fewer of them
     *     a GPU computes them all at once, each faster than those that are shared
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
