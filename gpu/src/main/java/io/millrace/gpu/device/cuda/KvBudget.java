package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.cuda.driver.GpuException;

/**
 * Computes the number of KV blocks of an engine.
 *
 * @param blockBytes bytes of a block in all layers
 * @param perSequence blocks of one full context
 * @param maxSequences most sequences that run at once
 * @param asked bytes that the user configured; 0 for a share of the GPU
 */
record KvBudget(long blockBytes, int perSequence, int maxSequences, long asked) {
    private static final double MIB = 1 << 20;

    /**
     * Number of blocks of the cache, block 0 included, which is never allocated.
     *
     * @param title display name of the GPU
     * @param total bytes of the GPU
     * @param free free bytes of the GPU
     * @param utilization share of the GPU that may be in use, the cache included
     * @throws GpuException no room for one full context, or for two blocks if bytes are configured
     */
    int blocks(String title, long total, long free, double utilization) throws GpuException {
        long useful = (long) perSequence * maxSequences + 1;
        long share = (long) (total * utilization) - (total - free);
        long bytes = asked > 0 ? asked : share;
        long blocks = Math.min(Math.min(useful, bytes / blockBytes), Integer.MAX_VALUE - 1);
        if (asked > 0 && blocks < 2) {
            throw new GpuException(
                    "A KV cache of %d bytes has no room for two blocks of %d bytes: raise --kv-cache-memory."
                            .formatted(asked, blockBytes));
        }
        // On a smaller GPU this must fail, not give other answers.
        if (asked == 0 && blocks < perSequence + 1L) {
            throw new GpuException(
                    "One whole context asks for %.0f MiB of KV cache on %s; of its %.0f MiB, %.0f are free and %.0f may be taken by --gpu-memory-utilization %s: raise that, or lower --max-model-len or --max-sequences."
                            .formatted(
                                    (perSequence + 1) * blockBytes / MIB,
                                    title,
                                    total / MIB,
                                    free / MIB,
                                    Math.max(0, share / MIB),
                                    utilization));
        }
        return (int) blocks;
    }
}
