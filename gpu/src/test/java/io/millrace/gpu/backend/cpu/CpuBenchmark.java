package io.millrace.gpu.backend.cpu;

import io.millrace.gpu.EngineOptions;
import io.millrace.gpu.LoadProgress;
import io.millrace.gpu.SamplingParameters;
import io.millrace.gpu.backend.SamplingRow;
import io.millrace.gpu.backend.StepBatch;
import io.millrace.gpu.backend.StepOutput;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * Measures prompt and decode speed of the CPU backend beside the machine's read bandwidth.
 *
 * <pre>
 * mvn -q -Pfast -pl gpu -am package
 * java --add-modules=jdk.incubator.vector -Xmx8g -cp ... io.millrace.gpu.backend.cpu.CpuBenchmark [FOLDER]
 * </pre>
 *
 * Without a folder: random weights in the shape of the model that ships.
 */
public final class CpuBenchmark {
    private static final int CONTEXT = 512;
    private static final int MAX_LENGTH = 640;

    private CpuBenchmark() {}

    public static void main(String[] args) throws IOException {
        Path folder =
                args.length > 0
                        ? Path.of(args[0])
                        : TinyModels.llama()
                                .hidden(256)
                                .layers(8)
                                .heads(4, 2, 64)
                                .intermediate(704)
                                .vocabulary(6144)
                                .context(1024)
                                .tied(true)
                                .dtype(DType.BF16)
                                .write(Files.createTempDirectory("millrace-benchmark"));
        EngineOptions options =
                EngineOptions.of(folder.toString())
                        .withMaxModelLen(MAX_LENGTH)
                        .withMaxBatchedTokens(CONTEXT)
                        .withMaxSequences(16);
        ModelFolder model = ModelFolder.open(folder);
        long start = System.nanoTime();
        try (CpuModelRunner runner = CpuModelRunner.open(model, options, LoadProgress.NONE)) {
            print("load", (System.nanoTime() - start) / 1e9, "s");
            String fingerprint = model.fingerprint();
            print("load and hash " + fingerprint, (System.nanoTime() - start) / 1e9, "s");
            double weights = model.weightBytes();
            double bandwidth = bandwidth(weights);
            print("read bandwidth over as many bytes", bandwidth / 1e9, "GB/s");
            double budget = Math.max(1, weights / 1e9) * 3;
            // C2 takes seconds to get to the loops; until then a step is a hundred times slower.
            stepsPerSecond(runner, 1, 1, 64, 2 * budget);
            for (int batch : new int[] {1, 2, 4, 16}) {
                double steps = stepsPerSecond(runner, batch, 1, 64, budget);
                print("decode, batch " + batch, steps * batch, "tok/s");
                print("  weights read", steps * weights / 1e9, "GB/s");
                print("  of the bandwidth", 100 * steps * weights / bandwidth, "%");
            }
            for (int tokens : new int[] {64, CONTEXT}) {
                double steps = stepsPerSecond(runner, 1, tokens, 0, budget);
                print("prompt of " + tokens, steps * tokens, "tok/s");
            }
        }
    }

    private static void print(String what, double value, String unit) {
        System.out.printf(Locale.ROOT, "%-44s %10.1f %s%n", what, value, unit);
    }

    /** Steps of {@code count} tokens a row at one position, the median of many. */
    private static double stepsPerSecond(
            CpuModelRunner runner, int rows, int count, int position, double seconds) {
        StepBatch batch = new StepBatch(CONTEXT, 16);
        StepOutput output = new StepOutput(16);
        int blocksPerRow = MAX_LENGTH / runner.blockSize();
        for (int row = 0; row < rows; row++) {
            batch.rowStart[row] = row * count;
            batch.blockTables[row] = new int[blocksPerRow];
            for (int block = 0; block < blocksPerRow; block++) {
                batch.blockTables[row][block] =
                        1 + (row * blocksPerRow + block) % (runner.kvBlocks() - 1);
            }
            for (int i = 0; i < count; i++) {
                batch.tokenIds[row * count + i] = (31 * i + row) % runner.vocabularySize();
                batch.positions[row * count + i] = position + i;
            }
            batch.sampling[row] =
                    new SamplingRow(SamplingParameters.greedy(1), 0, 0, new int[] {1});
        }
        batch.rows = rows;
        batch.tokens = rows * count;
        batch.rowStart[rows] = batch.tokens;
        double[] times = new double[10_000];
        int n = 0;
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (n < 5 || n < times.length && System.nanoTime() < end) {
            long from = System.nanoTime();
            runner.run(batch, output);
            times[n++] = (System.nanoTime() - from) / 1e9;
        }
        // The first half warms up.
        Arrays.sort(times, n / 2, n);
        return 1 / times[n / 2 + (n - n / 2) / 2];
    }

    /** Plain reading of int arrays of that many bytes together, all cores, best of five. */
    private static double bandwidth(double bytes) {
        int threads = Runtime.getRuntime().availableProcessors();
        int length = (int) Math.min(bytes / 4 / threads, 64 << 20);
        int[][] arrays = new int[threads][length];
        int[] sums = new int[threads];
        double best = 0;
        try (Workers workers = new Workers(threads)) {
            for (int i = 0; i < 5 + 100_000_000 / length; i++) {
                long from = System.nanoTime();
                workers.run(threads, (task, worker) -> sums[task] += sum(arrays[task]));
                double seconds = (System.nanoTime() - from) / 1e9;
                best = Math.max(best, 4.0 * length * threads / seconds);
            }
        }
        return best;
    }

    private static int sum(int[] values) {
        int sum = 0;
        for (int value : values) {
            sum += value;
        }
        return sum;
    }
}
