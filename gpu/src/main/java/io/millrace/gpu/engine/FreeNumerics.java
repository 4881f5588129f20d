package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import java.io.IOException;

/**
 * Opens an engine that breaks the first law, so that {@code bench} can measure what the law costs:
 * on a GPU, the number of split-K segments of a matmul depends on the step's tokens, and an answer
 * may depend on the rest of the batch (docs/numerics.md, "Free numerics"). No option and no job
 * uses it; its answers are timed and discarded. It has a fingerprint of its own.
 */
public final class FreeNumerics {
    private FreeNumerics() {}

    /**
     * Like {@link Engine#open(EngineOptions, LoadProgress)}.
     *
     * @throws IOException as there, and if the options' device is the CPU
     */
    public static Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return EngineAssembly.openFree(options, progress);
    }
}
