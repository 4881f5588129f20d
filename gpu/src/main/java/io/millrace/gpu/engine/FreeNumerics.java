package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import java.io.IOException;

/**
 * Opens an engine that leaves the first law, so that {@code bench} can measure what the law costs:
 * on a GPU, products cut their sums as suits a step's tokens, and an answer may depend on what else
 * was in the batch (docs/numerics.md, "Free numerics"). No option leads here, and no job: answers
 * of such an engine are timed and thrown away. Its fingerprint is no other engine's.
 */
public final class FreeNumerics {
    private FreeNumerics() {}

    /**
     * Like {@link Engine#open(EngineOptions, LoadProgress)}.
     *
     * @throws IOException also where the options mean the CPU
     */
    public static Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return EngineAssembly.openFree(options, progress);
    }
}
