package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.OpParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;
import io.millrace.gpu.program.StepBatch;
import java.nio.IntBuffer;
import java.util.Arrays;

/**
 * The tables of a step in device memory, which kernels read: counts, tokens, rows, block tables,
 * rows to sample. A step is written into the host memory of its in-flight slot, from which its
 * first kernel brings it. The slot is free then, because the step that had it before is completed.
 */
public final class StepTables implements AutoCloseable {
    private static final long MOST_BYTES = 1 << 30;

    private final StepLayout layout;
    private final PinnedMemory pinned;
    private final IntBuffer[] staging;
    private final DeviceMemory memory;

    /**
     * @param mostBlocks most block ids of a row
     * @param slotCount most steps in flight
     */
    public StepTables(
            CudaContext context,
            int maxTokens,
            int maxRows,
            int mostBlocks,
            int blockSize,
            int slotCount)
            throws GpuException {
        layout = new StepLayout(maxTokens, maxRows, blockSize);
        long words = layout.blocks + 1 + (long) maxRows * mostBlocks;
        // No cache line holds tables of two in-flight slots.
        long line = ParamsHeader.LINE_WORDS;
        long bytes = (words + line - 1) / line * line * Integer.BYTES;
        String what = "Tables of %d rows of %d KV blocks".formatted(maxRows, mostBlocks);
        String remedy = "lower --max-sequences or --max-model-len";
        if (slotCount * bytes > MOST_BYTES) {
            throw context.outOfMemory(what, slotCount * bytes, remedy);
        }
        memory = context.allocate(what, bytes, remedy);
        boolean allocated = false;
        try {
            pinned = new PinnedMemory(context, (int) (slotCount * bytes));
            allocated = true;
        } finally {
            if (!allocated) {
                memory.close();
            }
        }
        IntBuffer all = pinned.buffer().asIntBuffer();
        for (int i = 0; i < all.capacity(); i++) {
            // A step's first kernel reads, but does not use, words that no step wrote.
            all.put(i, 0);
        }
        int each = all.capacity() / slotCount;
        staging = new IntBuffer[slotCount];
        Arrays.setAll(staging, i -> all.slice(i * each, each));
    }

    /** Writes a step's tables into its in-flight slot, before the step is queued. */
    public void write(StepBatch batch, QueuedStep step) {
        layout.write(batch, step, staging[step.inFlightSlot()]);
    }

    /** Where the first kernel of a step finds its tables. */
    public OpParams.Staging staging() {
        return new OpParams.Staging(
                pinned.address(),
                memory.address(),
                staging[0].capacity(),
                layout.header,
                layout.rowTable,
                layout.lastSamples,
                layout.tokenIds,
                layout.positions - layout.tokenIds);
    }

    /** Device addresses of the tables. */
    public OpParams.Step addresses() {
        return new OpParams.Step(
                address(layout.header),
                address(layout.tokenIds),
                address(layout.positions),
                address(layout.rowOf),
                address(layout.rowStart),
                address(layout.rowTable),
                address(layout.gather),
                address(layout.slots),
                address(layout.blocks));
    }

    /** Device address of the sampling kernels' tables. */
    public long sampleAddress() {
        return address(layout.sample);
    }

    /** The memory of all tables. */
    public DeviceMemory memory() {
        return memory;
    }

    private long address(int word) {
        return memory.address() + (long) word * Integer.BYTES;
    }

    @Override
    public void close() {
        pinned.close();
        memory.close();
    }
}
