package io.millrace.jobs.bench;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.engine.Engine;
import io.millrace.jobs.cli.CommandFailedException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Measures an open engine that has no other work. Engine thread. */
final class EngineBench {
    private static final String RATE = "tok/s";

    /** Minimum context for a measurement. */
    private static final int LEAST_CONTEXT = 16;

    /** Minimum and maximum number of requests of a workload that are also answered alone. */
    private static final int LEAST_CHECKED = 2;

    private static final int MOST_CHECKED = 16;

    private final Engine engine;
    private final BenchRepeats repeats;
    private final BenchRows rows;
    private final int context;
    private final int vocabulary;
    private long seed = 1;

    EngineBench(Engine engine, BenchRepeats repeats, BenchRows rows) {
        this.engine = engine;
        this.repeats = repeats;
        this.rows = rows;
        context = engine.model().maxModelLen();
        vocabulary = engine.model().vocabularySize();
        if (context < LEAST_CONTEXT) {
            throw new CommandFailedException(
                    "The model's context is %d tokens: at least %d are needed to measure it."
                            .formatted(context, LEAST_CONTEXT));
        }
    }

    /** Generates the first token of the process, from a short prompt. */
    static void firstToken(Engine engine) {
        BenchWorkload workload = new BenchWorkload("first token", 1, 8, 1, 1);
        TimedRun.of(engine, workload.draw(0, engine.model().vocabularySize()));
    }

    /** Runs all workloads briefly until the compiler is idle. */
    void warmUp() {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        long start = System.nanoTime();
        double busy;
        do {
            long from = System.nanoTime();
            long compiled = compiler.getTotalCompilationTime();
            run(BenchWorkload.prompt(context));
            run(BenchWorkload.mixed(MOST_CHECKED, context));
            run(BenchWorkload.decode(1, context));
            double millis = (System.nanoTime() - from) / 1e6;
            busy = (compiler.getTotalCompilationTime() - compiled) / millis;
        } while (repeats.isCold(System.nanoTime() - start, busy));
    }

    /** Measures the decode rate, in tokens per second. */
    double decode(int batch) {
        BenchWorkload workload = BenchWorkload.decode(batch, context);
        return measure(workload, TimedRun::steadyPerSecond).steadyPerSecond();
    }

    void prompt() {
        BenchWorkload workload = BenchWorkload.prompt(context);
        TimedRun run = measure(workload, TimedRun::promptPerSecond);
        rows.add(workload.name(), "prompt", run.promptPerSecond(), RATE);
    }

    void mixed(int requests) {
        BenchWorkload workload = BenchWorkload.mixed(requests, context);
        TimedRun run = measure(workload, TimedRun::outputPerSecond);
        rows.addRates(workload.name(), run);
        spread(workload.name(), "time to first token", run.firstTokenMillis());
        spread(workload.name(), "time per output token", run.tokenMillis());
    }

    /** Answers requests together, and some of them alone; fails if answers differ. */
    void check(List<GenerationRequest> requests) {
        checkAlone(requests, TimedRun.of(engine, requests));
    }

    private void spread(String workload, String metric, double[] sorted) {
        rows.add(workload, metric + " mean", Arrays.stream(sorted).average().orElse(0), "ms");
        rows.add(workload, metric + " p50", percentile(sorted, 50), "ms");
        rows.add(workload, metric + " p99", percentile(sorted, 99), "ms");
    }

    /** Nearest rank. */
    static double percentile(double[] sorted, int percent) {
        int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
        return sorted[Math.max(0, rank - 1)];
    }

    private TimedRun measure(BenchWorkload workload, ToDoubleFunction<TimedRun> rate) {
        long start = System.nanoTime();
        check(workload);
        long checked = System.nanoTime() - start;
        return repeats.median(checked, number -> run(workload), rate);
    }

    private TimedRun run(BenchWorkload workload) {
        List<GenerationRequest> requests = workload.draw(seed++, vocabulary);
        TimedRun run = TimedRun.of(engine, requests);
        run.checkLengths(requests);
        return run;
    }

    /** Answers requests of a workload together and alone: only correct answers are timed. */
    private void check(BenchWorkload workload) {
        int count = Math.max(LEAST_CHECKED, workload.requests());
        List<GenerationRequest> requests = workload.withRequests(count).draw(seed++, vocabulary);
        TimedRun together = TimedRun.of(engine, requests);
        together.checkLengths(requests);
        checkAlone(requests, together);
    }

    private void checkAlone(List<GenerationRequest> requests, TimedRun together) {
        long start = System.nanoTime();
        for (int i = 0; i < Math.min(MOST_CHECKED, requests.size()); i++) {
            if (i >= LEAST_CHECKED && System.nanoTime() - start > repeats.warmUpNanos()) {
                break;
            }
            // Evenly spread over the requests, the last included.
            int at = requests.size() - 1 - i * requests.size() / MOST_CHECKED;
            if (requests.size() <= MOST_CHECKED) {
                at = i;
            }
            together.checkAnswer(at, TimedRun.of(engine, List.of(requests.get(at))), 0);
        }
    }
}
