package io.millrace.jobs.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.bench.MemoryBandwidth;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.WeightBytes;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.demo.DemoCommand;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Measures the model of one folder: start, prompts, decoding, and the whole job. */
final class ModelBench {
    /** Bytes below which weights may stay in caches, and memory is no bound. */
    private static final long CACHE_RESIDENT = 64L << 20;

    /** Concurrent requests. */
    static final int REQUESTS = 64;

    /** Concurrent requests for a model that takes minutes for more. */
    private static final int FEW_REQUESTS = 16;

    private static final int QUICK_REQUESTS = 9;
    private static final long READ_BYTES = 1L << 30;
    private static final long QUICK_READ_BYTES = 64L << 20;
    private static final long READ_NANOS = 2_000_000_000L;

    private final EngineOptions options;
    private final List<Integer> batches;
    private final boolean quick;
    private final Progress progress;
    private final WeightBytes weights;
    private final boolean inCaches;
    private final Path input;

    /**
     * @param batches batch sizes of decoding
     * @param quick whether to check that it works, not to measure
     */
    ModelBench(EngineOptions options, List<Integer> batches, boolean quick, Progress progress)
            throws IOException {
        this.options = options;
        this.batches = batches;
        this.quick = quick;
        this.progress = progress;
        weights = WeightBytes.of(options);
        inCaches = weights.all() < CACHE_RESIDENT;
        input = Path.of(options.model()).resolve("demo.jsonl");
    }

    /** The note below the figures; may be empty. */
    String note() {
        return inCaches
                ? "Weights of %.1f MiB are cache-resident: the memory's bandwidth is no bound."
                        .formatted(weights.all() / 0x1p20)
                : "";
    }

    /**
     * The figures.
     *
     * @param measured heading of the figures
     * @param home the measured checkout
     */
    BenchRows measure(String measured, Path home) throws IOException, InterruptedException {
        List<Double> decoded = new ArrayList<>();
        BenchRows rows;
        double peak;
        try (HeapPeak heap = new HeapPeak()) {
            // In a separate method, so that its locals are garbage afterwards.
            rows = measureEngine(measured, home, decoded);
            peak = heap.bytes();
        }
        if (Files.exists(input)) {
            progress.line("Demo", "the model's own input, through the whole job and without it");
            try (PipelineBench pipeline =
                    new PipelineBench(options, DemoCommand.read(input), repeats())) {
                pipeline.run(rows);
            }
        }
        // After the engine's memory was freed.
        progress.line("Memory", "plain reading");
        double bandwidth = bandwidth();
        for (int i = 0; i < decoded.size(); i++) {
            // From batch 2 on, computation matters too, so memory bandwidth is no bound.
            boolean bound = !quick && batches.get(i) == 1 && !inCaches;
            double percent = 100 * decoded.get(i) * weights.perStep() / bandwidth;
            rows.add(
                    "decode, batch " + batches.get(i),
                    "output",
                    decoded.get(i),
                    "tok/s",
                    bound ? percent : null);
        }
        rows.add("plain reading, all cores", "memory bandwidth", bandwidth / 1e9, "GB/s");
        rows.add(
                "all of the above",
                "peak heap outside of the weights",
                (peak - weights.all()) / 0x1p20,
                "MiB");
        return rows;
    }

    private BenchRepeats repeats() {
        return quick ? BenchRepeats.QUICK : BenchRepeats.FULL;
    }

    /**
     * @param decoded receives the rate of each batch size
     */
    private BenchRows measureEngine(String measured, Path home, List<Double> decoded)
            throws IOException, InterruptedException {
        long start = System.nanoTime();
        try (Engine engine =
                Engine.open(
                        options,
                        (phase, done, total) -> progress.percent("Model", phase, done, total))) {
            double loaded = millisSince(start);
            EngineBench.firstToken(engine);
            double first = millisSince(start);
            long jvmStart = ManagementFactory.getRuntimeMXBean().getStartTime();
            double sinceJvmStart = System.currentTimeMillis() - jvmStart;
            BenchRows rows = new BenchRows(measured, BenchOrigin.of(home));
            rows.add("start", "load", loaded, "ms");
            rows.add("start", "first token, loading included", first, "ms");
            rows.add("start", "first token, JVM start included", sinceJvmStart, "ms");
            EngineBench bench = new EngineBench(engine, repeats(), rows);
            progress.line("Warm-up", "until the compiler rests");
            bench.warmUp();
            progress.line("Prompt", "one, long");
            bench.prompt();
            progress.line("Mixed", "many requests at once");
            bench.mixed(quick ? QUICK_REQUESTS : inCaches ? REQUESTS : FEW_REQUESTS);
            if (Files.exists(input)) {
                bench.check(PipelineBench.tokenized(engine, DemoCommand.read(input)));
            }
            for (int batch : batches) {
                progress.line("Decode", "batch %d", batch);
                decoded.add(bench.decode(batch));
            }
            return rows;
        }
    }

    private double bandwidth() throws InterruptedException {
        int cores = Runtime.getRuntime().availableProcessors();
        // Keeps a small heap from being too small.
        long bytes = Math.min(READ_BYTES, Runtime.getRuntime().maxMemory() / 4);
        return MemoryBandwidth.measure(
                quick ? Math.min(bytes, QUICK_READ_BYTES) : bytes,
                options.threads() == 0 ? cores : options.threads(),
                quick ? 0 : READ_NANOS);
    }

    private static double millisSince(long start) {
        return (System.nanoTime() - start) / 1e6;
    }
}
