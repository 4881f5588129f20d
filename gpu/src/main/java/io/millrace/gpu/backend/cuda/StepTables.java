package io.millrace.gpu.backend.cuda;

import io.millrace.gpu.backend.StepBatch;

/**
 * What kernels read of a step, in device memory: counts, tokens, rows, block tables. Each step is
 * written into a pinned slot and copied in one piece.
 */
final class StepTables implements AutoCloseable {
    private static final int SLOTS = 4;
    private static final long MOST_BYTES = 1 << 30;

    private final StepLayout layout;
    private final UploadRing ring;
    private final DeviceMemory memory;

    /**
     * @param mostBlocks block ids of one row, at most
     */
    StepTables(CudaContext context, int maxTokens, int maxRows, int mostBlocks, int blockSize)
            throws GpuException {
        layout = new StepLayout(maxTokens, maxRows, blockSize);
        long bytes = (layout.blocks + (long) maxRows * mostBlocks) * Integer.BYTES;
        String what = "Tables of %d rows of %d KV blocks".formatted(maxRows, mostBlocks);
        String remedy = "lower --max-sequences or --max-model-len";
        if (bytes > MOST_BYTES) {
            throw context.outOfMemory(what, bytes, remedy);
        }
        ring = new UploadRing(context, SLOTS, (int) bytes);
        boolean allocated = false;
        try {
            memory = context.allocate(what, bytes, remedy);
            allocated = true;
        } finally {
            if (!allocated) {
                ring.close();
            }
        }
    }

    /** Queues the copy of a step's tables. */
    void upload(StepBatch batch) {
        PinnedMemory slot = ring.next();
        int words = layout.write(batch, slot.buffer().asIntBuffer());
        memory.copyFrom(slot, 0, 0, (long) words * Integer.BYTES);
        ring.queued();
    }

    /** Where kernels find the tables. */
    OpParams.Step addresses() {
        return new OpParams.Step(
                address(0),
                address(layout.tokenIds),
                address(layout.positions),
                address(layout.rowOf),
                address(layout.rowStart),
                address(layout.rowTable),
                address(layout.gather),
                address(layout.blocks));
    }

    private long address(int word) {
        return memory.address() + (long) word * Integer.BYTES;
    }

    @Override
    public void close() {
        ring.close();
        memory.close();
    }
}
