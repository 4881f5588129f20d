package io.millrace.jobs.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.bench.KernelTimings;
import io.millrace.gpu.engine.Engine;
import io.millrace.jobs.bench.StandardWorkload.Counted;
import io.millrace.jobs.bench.StandardWorkload.Lengths;
import io.millrace.jobs.bench.result.BenchNumerics;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.cli.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Measures kernels and the standard workloads on shapes with random weights, each with its share of
 * the roofline. Engine thread.
 */
final class WorkloadBench {
    /** Tokens of a step, and the minimum context of an engine. */
    private static final int CONTEXT = 2048;

    private static final int SEQUENCES = 256;

    /** Requests of a workload in a quick run. */
    private static final int QUICK_REQUESTS = 3;

    /** Repeats of each kernel after warm-up. */
    private static final int KERNEL_REPEATS = 7;

    private final boolean kernels;
    private final List<StandardWorkload> workloads;
    private final Function<Path, EngineOptions> options;
    private final BenchOrigin origin;
    private final BenchNumerics numerics;
    private final boolean quick;
    private final Progress progress;
    private final List<ResultRow> rows = new ArrayList<>();
    private long seed;

    /**
     * @param kernels whether single kernels are timed too
     * @param options device and memory for a model's folder
     * @param numerics the engine's numerics; rows of free numerics have a name of their own
     * @param quick whether to check only that it works
     */
    WorkloadBench(
            boolean kernels,
            List<StandardWorkload> workloads,
            Function<Path, EngineOptions> options,
            BenchOrigin origin,
            BenchNumerics numerics,
            boolean quick,
            Progress progress) {
        this.kernels = kernels;
        this.workloads =
                quick
                        ? workloads.stream().map(each -> each.first(QUICK_REQUESTS)).toList()
                        : workloads;
        this.options = options;
        this.origin = origin;
        this.numerics = numerics;
        this.quick = quick;
        this.progress = progress;
    }

    /** Measures one shape; its model folder is written below {@code folder}. */
    void measure(BenchShape shape, Path folder) throws IOException {
        Path model = Files.createTempDirectory(folder, "millrace-bench-");
        try {
            progress.line("Weights", "%s, random", shape.name());
            ShapeFolder.write(shape, model);
            EngineOptions all =
                    options.apply(model)
                            .withModelName(shape.name())
                            .withLoadFormat(LoadFormat.DUMMY);
            if (kernels) {
                measureKernels(shape, all);
            }
            if (!workloads.isEmpty()) {
                measureWorkloads(shape, all);
            }
        } finally {
            delete(model);
        }
    }

    private void measureKernels(BenchShape shape, EngineOptions all) throws IOException {
        progress.line("Kernels", "%s, each alone", shape.name());
        KernelTimings timings =
                KernelTimings.measure(
                        all,
                        quick ? 1 : KERNEL_REPEATS,
                        (phase, done, total) -> progress.percent("Model", phase, done, total));
        BenchRows to = new BenchRows(shape.name(), origin.on(timings.device()));
        KernelRows.add(timings, shape, Roofline.of(timings.device()), to);
        rows.addAll(to.all());
    }

    private void measureWorkloads(BenchShape shape, EngineOptions all) throws IOException {
        long start = System.nanoTime();
        try (Engine engine =
                numerics.open(
                        all.withMaxModelLen(Math.max(CONTEXT, longest()))
                                .withMaxBatchedTokens(CONTEXT)
                                .withMaxSequences(SEQUENCES),
                        (phase, done, total) -> progress.percent("Model", phase, done, total))) {
            double loaded = (System.nanoTime() - start) / 1e6;
            String device = engine.model().device();
            BenchRows to = new BenchRows(numerics.rowsOf(shape.name()), origin.on(device));
            to.add("start", "load, dummy weights", loaded, "ms");
            long taken = engine.stats().gpuMemoryBytes();
            if (taken > 0) {
                to.add("start", "GPU memory", taken / 0x1p30, "GiB");
            }
            for (StandardWorkload workload : workloads) {
                progress.line("Workload", "%s", workload.title());
                measure(engine, shape, workload, Roofline.of(device), to);
            }
            rows.addAll(to.all());
        }
    }

    private int longest() {
        return workloads.stream().mapToInt(StandardWorkload::longest).max().orElse(0);
    }

    private void measure(
            Engine engine,
            BenchShape shape,
            StandardWorkload workload,
            Roofline roofline,
            BenchRows to) {
        check(engine, workload);
        TimedRun run =
                (quick ? BenchRepeats.QUICK : BenchRepeats.FULL)
                        .median(
                                0,
                                number -> run(engine, draw(engine, workload)),
                                workload.counted()::of);
        String name = workload.title();
        double rate = workload.counted().of(run);
        Double percent = roofline == null ? null : 100 * rate / roofline.perSecond(shape, workload);
        to.add(name, workload.counted().metric(), rate, "tok/s", percent);
        if (workload.counted() == Counted.PROMPTS) {
            spread(to, name, "time to first token", run.firstTokenMillis());
            gaps(to, name, run);
        } else if (workload.counted() == Counted.OUTPUT) {
            to.add(name, "total", run.totalPerSecond(), "tok/s");
            to.add(name, "requests", run.requestsPerSecond(), "1/s");
            spread(to, name, "time to first token", run.firstTokenMillis());
            spread(to, name, "time per output token", run.tokenMillis());
            to.add(name, "KV blocks in use, at most", 100 * run.mostKvUsed(), "%");
            gaps(to, name, run);
        }
    }

    /** Idle times, which only some devices measure. */
    private static void gaps(BenchRows to, String workload, TimedRun run) {
        double[] decode = run.decodeGapMicros();
        double[] mixed = run.mixedGapMicros();
        if (decode.length + mixed.length > 0) {
            to.add(workload, "GPU busy", 100 * run.busy(), "%");
        }
        gaps(to, workload, "device gap per step, decode", decode);
        gaps(to, workload, "device gap per step, mixed", mixed);
    }

    private static void gaps(BenchRows to, String workload, String metric, double[] sorted) {
        if (sorted.length > 0) {
            to.add(workload, metric + " p50", EngineBench.percentile(sorted, 50), "us");
            to.add(workload, metric + " p99", EngineBench.percentile(sorted, 99), "us");
        }
    }

    private List<GenerationRequest> draw(Engine engine, StandardWorkload workload) {
        return workload.draw(seed++, engine.model().vocabularySize());
    }

    private static TimedRun run(Engine engine, List<GenerationRequest> requests) {
        TimedRun run = TimedRun.of(engine, requests);
        run.checkLengths(requests);
        return run;
    }

    /**
     * Checks answers before they are timed: the shortest must be the same alone. Free numerics do
     * not guarantee that, so only lengths and ids are checked.
     */
    private void check(Engine engine, StandardWorkload workload) {
        List<GenerationRequest> requests = draw(engine, workload);
        List<Lengths> lengths = workload.requests();
        int shortest = 0;
        for (int i = 1; i < lengths.size(); i++) {
            shortest = lengths.get(i).output() < lengths.get(shortest).output() ? i : shortest;
        }
        TimedRun together = run(engine, requests);
        if (!numerics.keepsAnswers()) {
            together.checkTokens(engine.model().vocabularySize());
            return;
        }
        together.checkAnswer(shortest, TimedRun.of(engine, List.of(requests.get(shortest))), 0);
    }

    private static void spread(BenchRows to, String workload, String metric, double[] sorted) {
        to.add(workload, metric + " mean", Arrays.stream(sorted).average().orElse(0), "ms");
        to.add(workload, metric + " p50", EngineBench.percentile(sorted, 50), "ms");
        to.add(workload, metric + " p99", EngineBench.percentile(sorted, 99), "ms");
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** All figures so far. */
    List<ResultRow> rows() {
        return List.copyOf(rows);
    }
}
