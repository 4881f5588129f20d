package io.millrace.jobs.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.WeightBytes;
import io.millrace.jobs.bench.result.BenchOrigin;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures the start of this process, from the start of the JVM to a model's first token, and its
 * parts. Once per process: a second start would find compiled code and an initialized driver.
 */
final class StartBench implements LoadProgress {
    /** Its name on the command line, and the prefix of its rows. */
    static final String NAME = "start";

    private record Mark(String phase, double millis) {}

    private final LoadProgress progress;
    private final List<Mark> marks = new ArrayList<>();
    private String phase = "";

    StartBench(LoadProgress progress) {
        this.progress = progress;
    }

    /**
     * Opens an engine and generates one token.
     *
     * @param home the checkout, for the origin of figures
     */
    BenchRows measure(EngineOptions options, Path home) throws IOException, InterruptedException {
        double opening = sinceJvmStart();
        try (Engine engine = Engine.open(options, this)) {
            double opened = sinceJvmStart();
            EngineBench.firstToken(engine);
            double first = sinceJvmStart();
            BenchOrigin origin = BenchOrigin.of(home);
            if (engine.stats().gpuMemoryBytes() > 0) {
                origin = origin.on(engine.model().device());
            }
            BenchRows rows = new BenchRows(options.modelName(), origin);
            long bytes = WeightBytes.of(options).all();
            String workload = "%s, %.2f GiB of weights".formatted(NAME, bytes / 0x1p30);
            rows.add(workload, "first token, JVM start included", first, "ms");
            rows.add(workload, "until the model is opened", opening, "ms");
            double from = opening;
            String before = "before weights";
            for (Mark mark : marks) {
                rows.add(workload, before, mark.millis - from, "ms");
                from = mark.millis;
                before = mark.phase;
            }
            rows.add(workload, before, opened - from, "ms");
            rows.add(workload, "the token itself", first - opened, "ms");
            return rows;
        }
    }

    @Override
    public void onProgress(String now, long doneBytes, long totalBytes) {
        boolean ended = doneBytes == totalBytes;
        String next = ended ? "after " + now : now;
        if (ended && next.equals(phase)) {
            // The load was requested; now it is complete.
            marks.remove(marks.size() - 1);
        }
        if (ended || !next.equals(phase)) {
            phase = next;
            marks.add(new Mark(phase, sinceJvmStart()));
        }
        progress.onProgress(now, doneBytes, totalBytes);
    }

    private static double sinceJvmStart() {
        return System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
    }
}
