package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.cuda.driver.GpuException;

/**
 * How many KV blocks an engine gets.
 *
 * @param blockBytes of all layers
 * @param perSequence blocks of one whole context
 * @param maxSequences sequences that run at once
 * @param asked bytes that the user wants, 0 for a share of the GPU
 */
record KvBudget(long blockBytes, int perSequence, int maxSequences, long asked) {
    private static final double MIB = 1 << 20;

    /**
     * Blocks of the cache, with block 0, which is never handed out.
     *
     * @param title of the GPU, for people
     * @param total bytes of the GPU
     * @param free bytes that nobody has taken
     * @param utilization share of the GPU that may be in use once the cache is there
     * @throws GpuException no room for one whole context, or for two blocks where bytes were asked
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
        // A smaller GPU must fail, not answer otherwise.
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
