package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.RecordingModelRunner;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.util.Arrays;

/** Opens the CPU's runner so that its logits can be compared. */
public final class CpuRecording {
    private CpuRecording() {}

    /** With what the options say. */
    public static RecordingModelRunner open(ModelFolder folder, EngineOptions options)
            throws IOException {
        CpuModelRunner runner = CpuModelRunner.open(folder, options, LoadProgress.NONE);
        int vocabulary = runner.vocabularySize();
        return new RecordingModelRunner(
                runner,
                row ->
                        Arrays.copyOfRange(
                                runner.backend.lastLogits(),
                                row * vocabulary,
                                (row + 1) * vocabulary));
    }

    /**
     * With a cache of that size.
     *
     * @param blocks KV blocks, block 0 included
     */
    public static RecordingModelRunner open(ModelFolder folder, EngineOptions options, int blocks)
            throws IOException {
        long block = KvCache.blockBytes(folder.attentionShape(), options.blockSize());
        return open(folder, options.withKvCacheBytes(blocks * block));
    }
}
