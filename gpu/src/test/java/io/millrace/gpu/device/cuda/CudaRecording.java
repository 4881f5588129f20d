package io.millrace.gpu.device.cuda;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.RecordingModelRunner;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;

/** Opens the GPU's runner so that its logits can be compared, every KV block full of NaN. */
public final class CudaRecording {
    private CudaRecording() {}

    /** Keeps the GPU's context alive between runners, which then open faster. */
    public static AutoCloseable hold() throws IOException {
        return CudaContext.open(0);
    }

    /** With what the options say. */
    public static RecordingModelRunner open(ModelFolder folder, EngineOptions options)
            throws IOException {
        return recorded(poisoned(folder, options, CudaModelRunner.RUN_AHEAD));
    }

    /**
     * With a cache of that size.
     *
     * @param type of the model's weights
     * @param blocks KV blocks, block 0 included
     * @param runAhead steps in flight when another is launched
     */
    public static RecordingModelRunner open(
            ModelFolder folder, DType type, EngineOptions options, int blocks, int runAhead)
            throws IOException {
        return recorded(poisoned(folder, withBlocks(folder, type, options, blocks), runAhead));
    }

    /** The same, and nothing waits for its logits. */
    public static ModelRunner unrecorded(
            ModelFolder folder, DType type, EngineOptions options, int blocks, int runAhead)
            throws IOException {
        return poisoned(folder, withBlocks(folder, type, options, blocks), runAhead);
    }

    private static RecordingModelRunner recorded(CudaModelRunner runner) {
        runner.keepLogits(true);
        return new RecordingModelRunner(runner, runner::lastLogits);
    }

    private static CudaModelRunner poisoned(ModelFolder folder, EngineOptions options, int runAhead)
            throws IOException {
        CudaModelRunner runner =
                CudaModelRunner.open(
                        folder, options, Segmentation.CONTRACT, runAhead, LoadProgress.NONE);
        runner.fillArena(0xff);
        runner.backend().shareFrom(0);
        return runner;
    }

    private static EngineOptions withBlocks(
            ModelFolder folder, DType type, EngineOptions options, int blocks) {
        var shape = folder.attentionShape();
        long block =
                shape.layers()
                        * TileLayout.kvBlockBytes(
                                shape.kvHeads(),
                                shape.headSize(),
                                options.blockSize(),
                                type.bytes());
        return options.withKvCacheBytes(blocks * block);
    }
}
