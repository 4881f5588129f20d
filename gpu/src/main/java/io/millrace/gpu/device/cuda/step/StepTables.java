package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.OpParams;
import io.millrace.gpu.program.StepBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * The tables of a step in device memory, which kernels read: counts, tokens, rows, block tables,
 * rows to sample. A step is written into the pinned memory of its in-flight slot and copied by one
 * copy. The slot is free then, because the step that had it before is completed.
 */
public final class StepTables implements AutoCloseable {
    private static final long MOST_BYTES = 1 << 30;

    private final StepLayout layout;
    private final List<PinnedMemory> staging = new ArrayList<>();
    private final DeviceMemory memory;

    /**
     * @param mostBlocks most block ids of a row
     * @param placeCount most steps in flight
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
        long bytes = (layout.blocks + (long) maxRows * mostBlocks) * Integer.BYTES;
        String what = "Tables of %d rows of %d KV blocks".formatted(maxRows, mostBlocks);
        String remedy = "lower --max-sequences or --max-model-len";
        if (bytes > MOST_BYTES) {
            throw context.outOfMemory(what, bytes, remedy);
        }
        boolean allocated = false;
        try {
            for (int i = 0; i < placeCount; i++) {
                staging.add(new PinnedMemory(context, (int) bytes));
            }
            memory = context.allocate(what, bytes, remedy);
            allocated = true;
        } finally {
            if (!allocated) {
                closePlaces();
            }
        }
    }

    /** Queues the copy of a step's tables. */
    public void upload(StepBatch batch, QueuedStep step) {
        PinnedMemory from = staging.get(step.inFlightSlot());
        int words = layout.write(batch, step, from.buffer().asIntBuffer());
        memory.copyFrom(from, 0, 0, (long) words * Integer.BYTES);
    }

    /** Device addresses of the tables. */
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
        memory.close();
        closePlaces();
    }

    private void closePlaces() {
        staging.forEach(PinnedMemory::close);
        staging.clear();
    }
}
