package io.millrace.gpu.api;

/**
 * A snapshot of an engine's counters.
 *
 * @param running running sequences
 * @param waiting sequences not yet running
 * @param stepTokens tokens of the last step
 * @param steps steps run since opening
 * @param kvBlocksUsed KV blocks that sequences reference; idle blocks of the prefix tree count as
 *     free
 * @param kvBlocksTotal number of KV blocks
 * @param preemptions preemptions since opening
 * @param promptTokens prompt tokens computed since opening
 * @param cachedPromptTokens prompt tokens found in the prefix tree instead of computed, since
 *     opening
 * @param generatedTokens tokens generated since opening
 * @param draftTokens tokens that speculation guessed and steps verified, since opening
 * @param acceptedTokens guessed tokens that were right, since opening
 * @param gpuMemoryBytes GPU memory in use by the engine; 0 on the CPU
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
        long draftTokens,
        long acceptedTokens,
        long gpuMemoryBytes) {}
