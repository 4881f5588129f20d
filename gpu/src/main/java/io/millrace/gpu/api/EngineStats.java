package io.millrace.gpu.api;

/**
 * Counters of an engine at one moment.
 *
 * @param running sequences in the current steps
 * @param waiting sequences not yet running
 * @param stepTokens tokens of the last step
 * @param steps steps run since opening
 * @param kvBlocksUsed KV blocks that sequences hold; those that only the prefix tree keeps are as
 *     good as free
 * @param kvBlocksTotal KV blocks there are
 * @param preemptions sequences sent back to waiting since opening
 * @param promptTokens prompt tokens computed since opening
 * @param cachedPromptTokens prompt tokens found in the prefix tree instead, since opening: of all
 *     prompt tokens, the hit rate
 * @param generatedTokens tokens generated since opening
 * @param gpuMemoryBytes GPU memory that weights, KV cache and all else take; 0 on the CPU
 */
public record EngineStats(
        int running,
        int waiting,
        int stepTokens,
        long steps,
        int kvBlocksUsed,
        int kvBlocksTotal,
        long preemptions,
        long promptTokens,
        long cachedPromptTokens,
        long generatedTokens,
        long gpuMemoryBytes) {}
