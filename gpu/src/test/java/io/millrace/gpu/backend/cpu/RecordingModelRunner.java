package io.millrace.gpu.backend.cpu;

import io.millrace.gpu.EngineOptions;
import io.millrace.gpu.LoadProgress;
import io.millrace.gpu.backend.ModelRunner;
import io.millrace.gpu.backend.SamplingRow;
import io.millrace.gpu.backend.StepBatch;
import io.millrace.gpu.backend.StepOutput;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** The CPU's runner, and the raw logits of everything that it drew, to be compared bit by bit. */
public final class RecordingModelRunner implements ModelRunner {
    private final CpuModelRunner runner;
    private final Map<String, float[]> logits = new TreeMap<>();

    private RecordingModelRunner(CpuModelRunner runner) {
        this.runner = runner;
    }

    /**
     * @param blocks KV blocks, block 0 included
     */
    public static RecordingModelRunner open(ModelFolder folder, EngineOptions options, int blocks)
            throws IOException {
        long block = KvCache.blockBytes(folder.attentionShape(), options.blockSize());
        return new RecordingModelRunner(
                CpuModelRunner.open(
                        folder, options.withKvCacheBytes(blocks * block), LoadProgress.NONE));
    }

    /** By {@code seed.completion.position}. */
    public Map<String, float[]> logits() {
        return logits;
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        runner.run(batch, output);
        int sampled = 0;
        for (int row = 0; row < batch.rows; row++) {
            SamplingRow sampling = batch.sampling[row];
            if (sampling != null) {
                int from = sampled++ * vocabularySize();
                logits.put(
                        "%d.%d.%d".formatted(sampling.seed, sampling.completion, sampling.position),
                        Arrays.copyOfRange(
                                runner.backend.lastLogits(), from, from + vocabularySize()));
            }
        }
    }

    @Override
    public int vocabularySize() {
        return runner.vocabularySize();
    }

    @Override
    public int kvBlocks() {
        return runner.kvBlocks();
    }

    @Override
    public int blockSize() {
        return runner.blockSize();
    }

    @Override
    public String fingerprint() {
        return runner.fingerprint();
    }

    @Override
    public void close() {
        runner.close();
    }
}
