package io.millrace.gpu;

/**
 * Counters of an engine at one moment.
 *
 * @param running sequences in the current steps
 * @param waiting sequences not yet running
 * @param stepTokens tokens of the last step
 * @param steps steps run since opening
 * @param kvBlocksUsed KV blocks in use
 * @param kvBlocksTotal KV blocks there are
 * @param preemptions sequences sent back to waiting since opening
 * @param promptTokens prompt tokens computed since opening
 * @param generatedTokens tokens generated since opening
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
        long generatedTokens) {}
