package io.millrace.gpu.device;

import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;

/** A runner, and the raw logits of everything that it drew, to be compared bit by bit. */
public final class RecordingModelRunner extends ForwardingModelRunner {
    private final IntFunction<float[]> lastLogits;
    private final Map<String, float[]> logits = new TreeMap<>();

    /**
     * @param lastLogits gives a copy of the last step's logits, by sample
     */
    public RecordingModelRunner(ModelRunner runner, IntFunction<float[]> lastLogits) {
        super(runner);
        this.lastLogits = lastLogits;
    }

    /** By {@code seed.completion.position}. */
    public Map<String, float[]> logits() {
        return logits;
    }

    /** A copy of the last step's logits of a sample. */
    public float[] lastLogits(int sample) {
        return lastLogits.apply(sample);
    }

    /** Feeds sequences of any chunks and batches to this runner. */
    public TestingSequences sequences(int maxTokens, int maxRows) {
        return new TestingSequences(
                maxTokens,
                maxRows,
                kvBlocks(),
                blockSize(),
                vocabularySize(),
                runner::run,
                (row, to) -> System.arraycopy(lastLogits(row), 0, to, 0, to.length));
    }

    @Override
    public int runAhead() {
        return runner.runAhead();
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        runner.run(batch, output);
        record(batch);
    }

    @Override
    public void launch(StepBatch batch, StepOutput output) {
        runner.launch(batch, output);
        record(batch);
    }

    @Override
    public void complete() {
        runner.complete();
    }

    /** By the batch's positions: those of its rows lag behind while tokens are in flight. */
    private void record(StepBatch batch) {
        for (int row = 0; row < batch.rows; row++) {
            SamplingRow sampling = batch.sampling[row];
            for (int i = 0; i < batch.samples(row); i++) {
                int position = batch.positions[batch.firstSampled(row) + i] + 1;
                logits.put(
                        "%d.%d.%d".formatted(sampling.seed, sampling.completion, position),
                        lastLogits(batch.sampleStart[row] + i));
            }
        }
    }
}
