package io.millrace.jobs.corpus;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SharedEngine;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.cli.Loaders;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Sentence;
import io.millrace.jobs.local.EmbeddedCluster;
import io.millrace.jobs.stream.FlinkSettings;
import io.millrace.jobs.stream.StateDirectory;
import io.millrace.jobs.watch.CheckpointWatch;
import io.millrace.jobs.watch.FailureWatch;
import io.millrace.operators.CorpusPipeline;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.corpus.output.Totals;
import io.millrace.operators.options.PipelineOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.scheduler.ExecutionGraphInfo;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;

/**
 * One corpus in a cluster of its own inside this process, from what is there of it to its end. One
 * thread; any thread asks it to stop.
 */
final class CorpusRun implements AutoCloseable {
    private static final String STATE = "state";
    private static final String NAME = "corpus";
    private static final Duration LINE = Duration.ofSeconds(30);
    private static final Duration LOOK = Duration.ofMillis(200);
    private static final Duration HEARTBEAT = Duration.ofSeconds(1);
    private static final Duration SAVEPOINT = Duration.ofMinutes(2);
    private static final Duration ASSEMBLY = Duration.ofHours(6);
    private static final Duration CANCEL = Duration.ofSeconds(20);

    private final OutputFolder folder;
    private final String out;

    private final List<InputFile> files;
    private final Progress progress;
    private final CompletableFuture<Void> stop = new CompletableFuture<>();

    private StateDirectory state;
    private StateDirectory.Lock lock;
    private EngineSession engine;
    private EmbeddedCluster cluster;
    private CheckpointWatch checkpoints;
    private JobID job;
    private final FailureWatch failures = new FailureWatch();
    private long lastLine = System.nanoTime();

    /**
     * @param out the folder as it was typed
     */
    CorpusRun(OutputFolder folder, String out, List<InputFile> files, Progress progress) {
        this.folder = folder;
        this.out = out;
        this.files = files;
        this.progress = progress;
    }

    /** How the job runs, which no answer depends on. */
    record Settings(Duration checkpointInterval, int parallelism, int uiPort) {}

    /** Makes the manifest of this start, of its path and the one that is there or null. */
    interface Beginning {
        Manifest manifest(Path path, Manifest begun) throws IOException;
    }

    /**
     * Takes the output folder for this process.
     *
     * @return the one that is there, which is of the same, or else the new one
     */
    Manifest open(Beginning given) throws IOException {
        Path hidden = folder.hidden();
        Path path = hidden.resolve(Manifest.FILE);
        Path root = Path.of(folder.root());
        if (Files.exists(root) && !Files.isDirectory(root)) {
            throw new CommandFailedException("OUT is the file " + root + ": give a folder.");
        }
        for (InputFile file : files) {
            if (Path.of(file.path()).toRealPath().startsWith(InputFiles.real(root))) {
                throw new CommandFailedException(
                        "The input file %s lies in OUT, %s: give a folder of its own."
                                .formatted(file.path(), root));
            }
        }
        state = new StateDirectory(hidden.resolve(STATE).toString(), NAME);
        if (!Files.exists(path)) {
            requireNoState(path);
            requireEmpty(root);
        }
        lock = state.lock("stop it, or give this one another output folder.");
        Manifest begun = Manifest.read(path);
        Manifest now = given.manifest(path, begun);
        if (begun == null) {
            return now;
        }
        begun.requireSame(now);
        return begun;
    }

    /**
     * Refuses a corpus with answers whose manifest is missing: nobody could tell what they belong
     * to.
     */
    private void requireNoState(Path manifest) throws IOException {
        if (state.newest().isPresent() || Totals.read(folder).files() > 0) {
            throw new CommandFailedException(
                    "%s is missing, but its corpus was begun: %s has what was answered. Restore the file, or start again with another output folder."
                            .formatted(manifest, folder.hidden()));
        }
    }

    /** What an earlier start left that did not come to a manifest is nothing. */
    private static void requireEmpty(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> entries = Files.list(root)) {
            Optional<Path> other =
                    entries.filter(e -> !e.getFileName().toString().equals(OutputFolder.HIDDEN))
                            .findFirst();
            if (other.isPresent()) {
                throw new CommandFailedException(
                        "OUT is not empty, and no corpus was begun there: %s is in it. Give a new or"
                                        .formatted(other.get())
                                + " empty folder.");
            }
        }
    }

    /**
     * Answers what has no answer yet.
     *
     * @param pipeline makes the options of the folder of suspects
     * @return the exit code
     */
    int answer(
            Manifest manifest,
            RequestTemplate template,
            Function<String, PipelineOptions> pipeline,
            Settings settings,
            EngineArguments arguments)
            throws IOException, InterruptedException {
        Totals totals = Totals.read(folder);
        if (totals.files() == files.size()) {
            // It was killed between its last commit and the note of it.
            return finish(manifest, totals.tally());
        }
        PipelineOptions options = pipeline.apply(state.suspects());
        load(options);
        arguments.warnOfNoise(progress);
        compile(options.constraint());
        manifest.requireModel(engine.model().fingerprint());
        long bytes = 0;
        for (InputFile file : files) {
            bytes += file.uncompressedBytes();
        }
        progress.line(
                "Input",
                "%,d files, about %,d bytes of rows -> %s",
                files.size(),
                bytes,
                folder.root());
        start(template, options, settings);
        return await(new RowProgress(bytes, files.size(), System.nanoTime()))
                ? finish(manifest, Totals.read(folder).tally())
                : ExitCode.FAILED.code();
    }

    private void load(PipelineOptions options) throws IOException, InterruptedException {
        long start = System.nanoTime();
        engine =
                SharedEngine.acquire(
                        options.engine(), Loaders.engine(progress), options.faults().stepTimeout());
        progress.line(
                "Model",
                "%s is loaded on %s (%.1f s), fingerprint %s",
                engine.model().name(),
                engine.model().device(),
                (System.nanoTime() - start) / 1e9,
                engine.model().fingerprint());
    }

    /** Refuses a constraint that is wrong before the corpus is begun with it. */
    private void compile(Constraint constraint) {
        if (constraint == null) {
            return;
        }
        try {
            engine.compile(constraint);
        } catch (RequestRejectedException e) {
            throw new CommandFailedException("The job's constraint: " + e.getMessage(), e);
        }
    }

    private void start(RequestTemplate template, PipelineOptions options, Settings given)
            throws InterruptedException {
        Configuration settings = FlinkSettings.load();
        settings.addAll(
                FlinkSettings.ofJob(
                        NAME, CheckpointingMode.EXACTLY_ONCE, given.checkpointInterval(), state));
        // What is triggered behind the last checkpoint waits for the last files.
        settings.set(CheckpointingOptions.CHECKPOINTING_TIMEOUT, ASSEMBLY);
        settings.set(CheckpointingOptions.TOLERABLE_FAILURE_NUMBER, Integer.MAX_VALUE);
        // Counts travel with heartbeats.
        settings.set(HeartbeatManagerOptions.HEARTBEAT_INTERVAL, HEARTBEAT);
        Optional<StateDirectory.State> newest = state.newest();
        newest.ifPresent(found -> FlinkSettings.resume(settings, found.path()));
        progress.line(
                "State",
                "%s",
                newest.map(found -> "resumes " + found)
                        .orElse("none yet, begins at the first row"));
        cluster = EmbeddedCluster.start(settings, given.parallelism(), given.uiPort());
        progress.line("Web UI", "%s", cluster.webUi());
        StreamExecutionEnvironment environment = new StreamExecutionEnvironment(settings);
        environment.setParallelism(given.parallelism());
        CorpusPipeline.build(environment, files, template, folder, options);
        StreamGraph graph = environment.getStreamGraph();
        graph.setJobName(NAME);
        checkpoints = new CheckpointWatch(state.checkpoints());
        job = cluster.submit(graph);
    }

    /** Has {@link #answer} take a savepoint and return. */
    void requestStop() {
        stop.complete(null);
    }

    /** Whether it came to its end; else it was stopped. */
    private boolean await(RowProgress shown) throws IOException, InterruptedException {
        CompletableFuture<JobResult> result = cluster.result(job);
        while (true) {
            try {
                CompletableFuture.anyOf(result, stop).get(LOOK.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                look(shown);
                continue;
            } catch (ExecutionException e) {
                throw new CommandFailedException("The job is gone: " + Sentence.of(e), e);
            }
            if (!result.isDone()) {
                stopWithSavepoint(result);
                return false;
            }
            JobResult ended = result.join();
            FailureWatch.requireNone(ended);
            if (!ended.isSuccess()) {
                throw new CommandFailedException(
                        "The job was cancelled from outside: the same command goes on.");
            }
            return true;
        }
    }

    private void look(RowProgress shown) throws IOException, InterruptedException {
        ExecutionGraphInfo info = cluster.look(job);
        CheckpointStatsSnapshot stats =
                info.getArchivedExecutionGraph().getCheckpointStatsSnapshot();
        String news = checkpoints.look(stats);
        if (news != null) {
            progress.line("State", "%s", news);
        }
        for (Throwable failure : failures.look(info)) {
            progress.line(
                    "Failure",
                    "%s The job goes on from its last checkpoint.",
                    Sentence.ended(failure));
        }
        Counts counts = Counts.of(info.getArchivedExecutionGraph().getAccumulatorsSerialized());
        show(shown, counts);
        if (counts.ended()
                && stats != null
                && stats.getCounts().getNumberOfInProgressCheckpoints() == 0) {
            // Else the last files would wait for the next checkpoint to come by itself.
            cluster.checkpoint(job);
        }
    }

    /** On a terminal all the time, else a line now and then. */
    private void show(RowProgress shown, Counts counts) {
        long now = System.nanoTime();
        String text = shown.text(counts, now);
        progress.percent("Rows", text, shown.percent(counts), 100);
        if (!Progress.isTerminal() && now - lastLine >= LINE.toNanos()) {
            lastLine = now;
            progress.line("Rows", "%s %d %%", text, shown.percent(counts));
        }
    }

    private void stopWithSavepoint(CompletableFuture<JobResult> result)
            throws InterruptedException {
        progress.plain("Stopping with a savepoint (Ctrl-C again ends at once)");
        try {
            String path = cluster.stop(job, state.savepoints(), SAVEPOINT);
            result.get(CANCEL.toMillis(), TimeUnit.MILLISECONDS);
            progress.line("State", "savepoint %s; the same command goes on", path);
        } catch (CommandFailedException | ExecutionException | TimeoutException e) {
            cluster.cancel(job);
            progress.plain(
                    "There is no savepoint: "
                            + Sentence.ended(e)
                            + " Nothing is lost: the same command goes on from the last checkpoint.");
        }
    }

    private int finish(Manifest manifest, Tally tally) throws IOException {
        long failed = 0;
        for (InputFile file : files) {
            if (!Files.exists(folder.output(file.name()))) {
                failed++;
                if (!Files.exists(folder.failures(file.name()))) {
                    throw new CommandFailedException(
                            "The job is done, but %s has no output: that is a fault of Millrace."
                                    .formatted(file.name()));
                }
            }
        }
        Manifest.Summary summary =
                new Manifest.Summary(
                        files.size(),
                        failed,
                        tally.rows(),
                        tally.failures(),
                        tally.tokens(),
                        tally.copies(),
                        tally.byId());
        manifest.finish(summary);
        folder.sweep();
        return CorpusEnd.tell("Done", summary, out, progress);
    }

    @Override
    public void close() {
        if (checkpoints != null) {
            checkpoints.close();
        }
        if (cluster != null) {
            cluster.close();
        }
        if (engine != null) {
            engine.close();
        }
        if (lock != null) {
            lock.close();
        }
    }
}
