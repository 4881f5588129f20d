package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.OpParams;
import io.millrace.gpu.program.StepBatch;
import java.nio.IntBuffer;

/**
 * What kernels read of a step, in device memory: counts, tokens, rows, block tables, how to draw.
 * Each step is written into the pinned memory of its place, from where its first kernel brings it.
 * The place is free: the step that had it before is completed.
 */
public final class StepTables implements AutoCloseable {
    private static final long MOST_BYTES = 1 << 30;

    /** A place begins on a line of the bus. */
    private static final int PLACE_WORDS = 32;

    private final StepLayout layout;
    private final PinnedMemory places;
    private final int placeWords;
    private final DeviceMemory memory;

    /**
     * @param mostBlocks block ids of one row, at most
     * @param placeCount steps that can be in flight
     */
    public StepTables(
            CudaContext context,
            int maxTokens,
            int maxRows,
            int mostBlocks,
            int blockSize,
            int placeCount)
            throws GpuException {
        layout = new StepLayout(maxTokens, maxRows, blockSize);
        long words = layout.blocks + 1 + (long) maxRows * mostBlocks;
        long bytes = (words + PLACE_WORDS - 1) / PLACE_WORDS * PLACE_WORDS * Integer.BYTES;
        String what = "Tables of %d rows of %d KV blocks".formatted(maxRows, mostBlocks);
        String remedy = "lower --max-sequences or --max-model-len";
        if (placeCount * bytes > MOST_BYTES) {
            throw context.outOfMemory(what, placeCount * bytes, remedy);
        }
        placeWords = (int) (bytes / Integer.BYTES);
        memory = context.allocate(what, bytes, remedy);
        boolean allocated = false;
        try {
            places = new PinnedMemory(context, (int) (placeCount * bytes));
            allocated = true;
        } finally {
            if (!allocated) {
                memory.close();
            }
        }
    }

    /** Writes a step's tables into its place. */
    public void write(StepBatch batch, QueuedStep step) {
        IntBuffer all = places.buffer().asIntBuffer();
        layout.write(batch, step, all.slice(step.place() * placeWords, placeWords));
    }

    /** Where the first kernel of a step finds its tables, and in which order. */
    public OpParams.Places places() {
        return new OpParams.Places(
                places.address(),
                placeWords,
                layout.rowTable,
                layout.drawn,
                layout.tokenIds,
                layout.positions - layout.tokenIds,
                layout.blocks);
    }

    /** Where kernels find the tables. */
    public OpParams.Step addresses() {
        return new OpParams.Step(
                address(0),
                address(layout.tokenIds),
                address(layout.positions),
                address(layout.rowOf),
                address(layout.rowStart),
                address(layout.rowTable),
                address(layout.gather),
                address(layout.slots),
                address(layout.blocks));
    }

    /** Where the sampling kernels find theirs. */
    public long sampleAddress() {
        return address(layout.sample);
    }

    /** All of them. */
    public DeviceMemory memory() {
        return memory;
    }

    private long address(int word) {
        return memory.address() + (long) word * Integer.BYTES;
    }

    @Override
    public void close() {
        places.close();
        memory.close();
    }
}
