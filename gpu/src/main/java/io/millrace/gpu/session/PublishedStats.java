package io.millrace.gpu.session;

import io.millrace.gpu.api.EngineStats;

/**
 * An engine's counters as of its last step: all 0 before the first. The engine thread sets them,
 * any thread reads them. They are copied, so that the record of a step lives no longer than this
 * call and costs compiled code no heap.
 */
public final class PublishedStats {
    private int running;
    private int waiting;
    private int stepTokens;
    private long steps;
    private int kvBlocksUsed;
    private int kvBlocksTotal;
    private long preemptions;
    private long promptTokens;
    private long cachedPromptTokens;
    private long generatedTokens;
    private long draftTokens;
    private long acceptedTokens;
    private long gpuMemoryBytes;

    /** Replaces all counters. */
    public synchronized void set(EngineStats stats) {
        running = stats.running();
        waiting = stats.waiting();
        stepTokens = stats.stepTokens();
        steps = stats.steps();
        kvBlocksUsed = stats.kvBlocksUsed();
        kvBlocksTotal = stats.kvBlocksTotal();
        preemptions = stats.preemptions();
        promptTokens = stats.promptTokens();
        cachedPromptTokens = stats.cachedPromptTokens();
        generatedTokens = stats.generatedTokens();
        draftTokens = stats.draftTokens();
        acceptedTokens = stats.acceptedTokens();
        gpuMemoryBytes = stats.gpuMemoryBytes();
    }

    /** Counters of one moment. */
    public synchronized EngineStats get() {
        return new EngineStats(
                running,
                waiting,
                stepTokens,
                steps,
                kvBlocksUsed,
                kvBlocksTotal,
                preemptions,
                promptTokens,
                cachedPromptTokens,
                generatedTokens,
                draftTokens,
                acceptedTokens,
                gpuMemoryBytes);
    }
}
