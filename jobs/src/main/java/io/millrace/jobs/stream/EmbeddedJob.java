package io.millrace.jobs.stream;

import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SharedEngine;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Loaders;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Sentence;
import io.millrace.jobs.cli.job.Delivery;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.jobs.local.EmbeddedCluster;
import io.millrace.jobs.watch.BrokerWatch;
import io.millrace.jobs.watch.CheckpointWatch;
import io.millrace.jobs.watch.FailureWatch;
import io.millrace.jobs.watch.GroupWatch;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.options.PipelineOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.scheduler.ExecutionGraphInfo;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;

/**
 * The streaming job in an embedded cluster, from its start to its savepoint. One thread starts and
 * awaits it; any thread may request its stop.
 */
public final class EmbeddedJob implements AutoCloseable {
    private static final Duration LOOK = Duration.ofMillis(200);
    private static final Duration SAVEPOINT = Duration.ofMinutes(2);
    private static final Duration GROUP = Duration.ofSeconds(10);
    private static final Duration BROKERS = Duration.ofSeconds(2);
    private static final Duration BROKERS_ANSWER = Duration.ofSeconds(5);
    private static final Duration CANCEL = Duration.ofSeconds(20);

    private final JobArguments arguments;
    private final int uiPort;
    private final Progress progress;
    private final StateDirectory state;
    private final CompletableFuture<Void> stop = new CompletableFuture<>();

    private StateDirectory.Lock lock;
    private EngineSession engine;
    private GroupWatch group;
    private BrokerWatch brokers;
    private CheckpointWatch checkpoints;
    private EmbeddedCluster cluster;
    private JobID job;
    private boolean running;
    private final FailureWatch failures = new FailureWatch();

    public EmbeddedJob(
            JobArguments arguments, String checkpointDir, int uiPort, Progress progress) {
        this.arguments = arguments;
        this.uiPort = uiPort;
        this.progress = progress;
        this.state = new StateDirectory(checkpointDir, arguments.applicationId);
    }

    /** Checks everything, loads the model, starts the cluster and submits the job. */
    public void start() throws IOException, InterruptedException {
        PipelineOptions pipeline = arguments.pipeline(state.suspects());
        KafkaSettings kafka = arguments.kafka();
        lock = state.lock();
        Configuration settings = FlinkSettings.load();
        settings.addAll(FlinkSettings.ofJob(arguments, state));
        FlinkSettings.requireCheckpoints(settings);
        int parallelism = arguments.parallelism(settings);
        if (arguments.createTopics) {
            createTopics(kafka, parallelism);
        }
        TopicLimits limits = TopicLimits.read(kafka, parallelism);
        Resumption resumption =
                Resumption.decide(
                        state.newest(),
                        RunCommand.committed(arguments),
                        arguments.start,
                        arguments);
        arguments.start = resumption.start();
        kafka = arguments.kafka();
        showTopics(kafka, limits);
        load(pipeline);

        limits.checkTransactionTimeout(kafka, FlinkSettings.checkpointInterval(settings));
        resumption.state().ifPresent(found -> FlinkSettings.resume(settings, found.path()));
        showInput(kafka, limits, resumption);
        cluster = EmbeddedCluster.start(settings, parallelism, uiPort);
        progress.line("Web UI", "%s", cluster.webUi());

        StreamExecutionEnvironment environment = new StreamExecutionEnvironment(settings);
        StreamingJob.define(environment, pipeline, kafka, limits, parallelism);
        StreamGraph graph = environment.getStreamGraph();
        graph.setJobName(arguments.applicationId);
        checkpoints = new CheckpointWatch(state.checkpoints());
        job = cluster.submit(graph);
        group = new GroupWatch(kafka, GROUP);
        brokers = new BrokerWatch(kafka, BROKERS, BROKERS_ANSWER);
    }

    private void createTopics(KafkaSettings kafka, int parallelism) {
        Set<String> created = TopicLimits.create(kafka, parallelism);
        if (!created.isEmpty()) {
            progress.line("Kafka", "created %s", String.join(", ", created));
        }
    }

    private void showTopics(KafkaSettings kafka, TopicLimits limits) {
        progress.line(
                "Kafka",
                "%s: %s (%d partitions) -> %s, %s",
                kafka.bootstrapServers(),
                kafka.topicPattern() == null
                        ? String.join(", ", kafka.topics())
                        : "topics like " + kafka.topicPattern(),
                limits.inputPartitions(),
                kafka.outputTopic(),
                kafka.deadLetterTopic());
        kafka.notes().forEach(note -> progress.line("Kafka", "%s", note));
        Path schema = OutputSchema.write(kafka, arguments.outputSchema());
        if (schema != null) {
            progress.line("Schema", "of %s is in %s", kafka.outputTopic(), schema);
        }
    }

    private void showInput(KafkaSettings kafka, TopicLimits limits, Resumption resumption) {
        progress.line(
                "State",
                "%s",
                resumption
                        .state()
                        .map(found -> "resumes " + found)
                        .orElse("none yet, begins at " + InputReport.where(kafka.start())));
        InputReport report = new InputReport(kafka, limits.inputs());
        resumption
                .state()
                .map(found -> report.resumed(found.path()))
                .orElseGet(report::begun)
                .forEach(line -> progress.line("Input", "%s", line));
    }

    /** Loads the model before the job is submitted, so that an error is reported once. */
    private void load(PipelineOptions pipeline) throws IOException, InterruptedException {
        long start = System.nanoTime();
        engine =
                SharedEngine.acquire(
                        pipeline.engine(),
                        Loaders.engine(progress),
                        pipeline.faults().stepTimeout());
        progress.line(
                "Model",
                "%s is loaded on %s (%.1f s), fingerprint %s",
                engine.model().name(),
                engine.model().device(),
                (System.nanoTime() - start) / 1e9,
                engine.model().fingerprint());
        arguments.engine.warnOfNoise(progress);
    }

    /** Address of the web UI. */
    public java.net.URI webUi() {
        return cluster.webUi();
    }

    /** Waits until each task runs. */
    public void awaitRunning() throws InterruptedException {
        CompletableFuture<JobResult> result = cluster.result(job);
        while (!running) {
            try {
                ended(result.get(LOOK.toMillis(), TimeUnit.MILLISECONDS));
                return;
            } catch (TimeoutException e) {
                reportFailures();
            } catch (ExecutionException e) {
                throw new CommandFailedException("The job is gone: " + Sentence.of(e), e);
            }
        }
    }

    /** Requests that {@link #await} takes a savepoint and returns. */
    void requestStop() {
        stop.complete(null);
    }

    /**
     * Waits until the job is stopped or has failed for good.
     *
     * @return whether it stopped with a savepoint
     */
    boolean await() throws InterruptedException {
        CompletableFuture<JobResult> result = cluster.result(job);
        boolean told = false;
        while (true) {
            if (running && !told) {
                told = true;
                progress.plain(
                        arguments.delivery == Delivery.EXACTLY_ONCE
                                ? "Running. Answers appear at each checkpoint. Ctrl-C stops with a"
                                        + " savepoint."
                                : "Running. Ctrl-C stops with a savepoint.");
            }
            try {
                CompletableFuture.anyOf(result, stop).get(LOOK.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                show("Kafka", brokers.look());
                show("Kafka", group.look());
                reportFailures();
                continue;
            } catch (ExecutionException e) {
                throw new CommandFailedException("The job is gone: " + Sentence.of(e), e);
            }
            return result.isDone() ? ended(result.join()) : stopWithSavepoint(result);
        }
    }

    private boolean ended(JobResult result) {
        FailureWatch.requireNone(result);
        progress.plain(
                "The job was "
                        + (result.isSuccess() ? "finished" : "cancelled")
                        + " from outside; a later run resumes its last checkpoint.");
        return result.isSuccess();
    }

    private boolean stopWithSavepoint(CompletableFuture<JobResult> result)
            throws InterruptedException {
        progress.plain("Stopping with a savepoint (Ctrl-C again ends at once)");
        long start = System.nanoTime();
        try {
            String path = cluster.stop(job, state.savepoints(), SAVEPOINT);
            result.get(CANCEL.toMillis(), TimeUnit.MILLISECONDS);
            progress.line(
                    "State", "savepoint %s (%.1f s)", path, (System.nanoTime() - start) / 1e9);
            return true;
        } catch (CommandFailedException | ExecutionException | TimeoutException e) {
            cluster.cancel(job);
            progress.plain(
                    "There is no savepoint: "
                            + Sentence.ended(e)
                            + " Nothing is lost: a later run resumes the last checkpoint.");
            return false;
        }
    }

    private void show(String label, String sentence) {
        if (sentence != null) {
            progress.line(label, "%s", sentence);
        }
    }

    /** Reports each failure that the job recovers from, and notes when it runs. */
    public void reportFailures() throws InterruptedException {
        ExecutionGraphInfo info = cluster.look(job);
        show(
                "State",
                checkpoints.look(info.getArchivedExecutionGraph().getCheckpointStatsSnapshot()));
        for (Throwable failure : failures.look(info)) {
            running = false;
            reportFailure(failure);
        }
        if (!running && EmbeddedCluster.allRunning(info.getArchivedExecutionGraph())) {
            running = true;
        }
    }

    /** Reports a failure; one that follows from reported trouble is only counted. */
    private void reportFailure(Throwable failure) {
        if (!brokers.explains(failure) && !checkpoints.explains(failure)) {
            progress.line(
                    "Failure",
                    "%s The job goes on from its last checkpoint.",
                    Sentence.ended(failure));
        }
    }

    @Override
    public void close() {
        if (group != null) {
            group.close();
        }
        if (brokers != null) {
            brokers.close();
        }
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
