package io.millrace.gpu.backend.cuda;

import io.millrace.gpu.EngineOptions;
import io.millrace.gpu.LoadProgress;
import io.millrace.gpu.backend.RecordingModelRunner;
import io.millrace.gpu.backend.StepBatch;
import io.millrace.gpu.backend.StepOutput;
import io.millrace.gpu.backend.TestingSequences;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * Times loading and forward passes of a random model in the shape of Qwen2.5-0.5B on a GPU, nothing
 * sampled: a program over the test class path. First it holds a prompt in chunks to the same prompt
 * whole, bit for bit.
 */
final class CudaStepBenchmark {
    private static final int CONTEXT = 2048;
    private static final int MAX_TOKENS = 2048;
    private static final int MAX_ROWS = 256;
    private static final int REPEATS = 50;

    private CudaStepBenchmark() {}

    public static void main(String[] args) throws IOException {
        Path folder =
                TinyModels.qwen2()
                        .hidden(896)
                        .layers(24)
                        .heads(14, 2, 64)
                        .intermediate(4864)
                        .vocabulary(151936)
                        .context(CONTEXT)
                        .tied(true)
                        .dtype(DType.BF16)
                        .write(Files.createTempDirectory("millrace-benchmark"));
        ModelFolder model = ModelFolder.open(folder);
        EngineOptions options =
                EngineOptions.of("benchmark")
                        .withMaxBatchedTokens(MAX_TOKENS)
                        .withMaxSequences(MAX_ROWS);
        long start = System.nanoTime();
        try (CudaModelRunner runner = CudaModelRunner.open(model, options, LoadProgress.NONE)) {
            double seconds = (System.nanoTime() - start) / 1e9;
            double bytes = model.weightBytes();
            print("open on " + runner.device(), seconds * 1e3, bytes / seconds / 1e9, "GB/s");
            check(new RecordingModelRunner(runner, runner::lastLogits), model.vocabularySize());
            for (int rows : new int[] {1, 16, 64, 256}) {
                double millis = time(runner, rows, 1, 512);
                String what = "decode, %d rows at 512".formatted(rows);
                print(what, millis, bytes / millis / 1e6, "GB/s of weights");
            }
            for (int tokens : new int[] {128, 512, 2048}) {
                double millis = time(runner, 1, tokens, 0);
                print("prompt of " + tokens, millis, tokens / millis * 1e3, "tokens/s");
            }
        }
    }

    private static void check(RecordingModelRunner runner, int vocabulary) {
        int[] tokens = TestingSequences.randomTokens(1023, vocabulary, 1);
        TestingSequences whole = runner.sequences(MAX_TOKENS, 1);
        whole.feed(whole.add(tokens), 1023);
        TestingSequences chunked = runner.sequences(MAX_TOKENS, 1);
        chunked.feed(chunked.add(tokens), 97);
        float[] expected = whole.byPosition.get(0).get(1022);
        if (!Arrays.equals(expected, chunked.byPosition.get(0).get(1022))
                || Float.isNaN(expected[0])) {
            throw new IllegalStateException("Chunks and the whole prompt have other bits.");
        }
    }

    /**
     * Milliseconds of a step of {@code rows} rows with {@code each} tokens behind {@code before}.
     */
    private static double time(CudaModelRunner runner, int rows, int each, int before) {
        StepBatch batch = new StepBatch(MAX_TOKENS, MAX_ROWS);
        StepOutput output = new StepOutput(MAX_ROWS);
        int perRow = (before + each + runner.blockSize() - 1) / runner.blockSize();
        batch.rows = rows;
        batch.tokens = rows * each;
        for (int row = 0; row < rows; row++) {
            batch.rowStart[row + 1] = (row + 1) * each;
            batch.blockTables[row] = new int[perRow];
            for (int i = 0; i < perRow; i++) {
                batch.blockTables[row][i] = 1 + (row * perRow + i) % (runner.kvBlocks() - 1);
            }
            for (int i = 0; i < each; i++) {
                batch.tokenIds[row * each + i] = row + i;
                batch.positions[row * each + i] = before + i;
            }
        }
        run(runner, batch, output, 5);
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 3; round++) {
            long start = System.nanoTime();
            run(runner, batch, output, REPEATS);
            best = Math.min(best, (System.nanoTime() - start) / 1e6 / REPEATS);
        }
        return best;
    }

    /** So many of the same step, as many ahead as the runner takes. */
    private static void run(CudaModelRunner runner, StepBatch batch, StepOutput output, int steps) {
        for (int i = 0; i < steps; i++) {
            runner.launch(batch, output);
            if (i >= runner.runAhead()) {
                runner.complete();
            }
        }
        for (int i = 0; i < Math.min(steps, runner.runAhead()); i++) {
            runner.complete();
        }
    }

    private static void print(String what, double millis, double rate, String unit) {
        System.out.printf(Locale.ROOT, "%-40s %9.3f ms %12.1f %s%n", what, millis, rate, unit);
    }
}
