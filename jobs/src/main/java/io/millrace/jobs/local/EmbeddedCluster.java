package io.millrace.jobs.local;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Sentence;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.execution.ExecutionState;
import org.apache.flink.runtime.executiongraph.AccessExecutionGraph;
import org.apache.flink.runtime.executiongraph.AccessExecutionVertex;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.scheduler.ExecutionGraphInfo;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Flink cluster with web UI inside this process. */
public final class EmbeddedCluster implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedCluster.class);

    /** First port of the web UI, and the number of ports to try. */
    private static final int FIRST_PORT = 8081;

    private static final int LAST_PORT = 8180;
    private static final Duration CLOSE = Duration.ofSeconds(30);

    private final MiniCluster cluster;
    private final List<JobID> jobs = new ArrayList<>();
    private final URI webUi;

    private EmbeddedCluster(MiniCluster cluster, URI webUi) {
        this.cluster = cluster;
        this.webUi = webUi;
    }

    /**
     * Starts a cluster.
     *
     * @param settings Flink's configuration
     * @param slots task slots, in one TaskManager
     * @param uiPort port of the web UI; 0 takes the first free one from 8081 on
     */
    public static EmbeddedCluster start(Configuration settings, int slots, int uiPort) {
        Configuration configuration = new Configuration(settings);
        String ports = Integer.toString(uiPort);
        if (uiPort == 0) {
            ports = FIRST_PORT + "-" + LAST_PORT;
        } else {
            requireFree(uiPort);
        }
        configuration.set(RestOptions.BIND_PORT, ports);
        MiniCluster cluster =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(configuration)
                                .setNumTaskManagers(1)
                                .setNumSlotsPerTaskManager(slots)
                                .build());
        try {
            cluster.start();
            return new EmbeddedCluster(cluster, cluster.getRestAddress().get());
        } catch (Exception e) {
            cluster.closeAsync();
            throw new CommandFailedException(
                    "The Flink cluster does not start: " + Sentence.of(e), e);
        }
    }

    private static void requireFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        } catch (IOException e) {
            throw new CommandFailedException(
                    "Port "
                            + port
                            + " of --ui-port is in use: give another, or leave the option away and"
                            + " a free one is taken.",
                    e);
        }
    }

    /** Address of the web UI. */
    public URI webUi() {
        return webUi;
    }

    /** Starts a job. */
    public JobID submit(StreamGraph graph) throws InterruptedException {
        JobID id = JobID.generate();
        graph.setJobId(id);
        try {
            cluster.submitJob(graph).get();
            jobs.add(id);
            return id;
        } catch (ExecutionException e) {
            throw new CommandFailedException(
                    "The job does not start: " + Sentence.of(e.getCause()), e);
        }
    }

    /** Completes when the job has ended, with any result. */
    public CompletableFuture<JobResult> result(JobID job) {
        return cluster.requestJobResult(job);
    }

    /** The job's state from its JobManager. */
    public ExecutionGraphInfo look(JobID job) throws InterruptedException {
        try {
            return cluster.getExecutionGraphInfo(job).get();
        } catch (ExecutionException e) {
            throw new CommandFailedException("The job is gone: " + Sentence.of(e.getCause()), e);
        }
    }

    /** Whether each task runs. */
    public static boolean allRunning(AccessExecutionGraph graph) {
        if (graph.getState() != JobStatus.RUNNING) {
            return false;
        }
        for (AccessExecutionVertex task : graph.getAllExecutionVertices()) {
            if (task.getExecutionState() != ExecutionState.RUNNING) {
                return false;
            }
        }
        return true;
    }

    /**
     * Stops the job with a savepoint and waits for it.
     *
     * @return the savepoint's path
     * @throws CommandFailedException the savepoint failed; the job may still run
     */
    public String stop(JobID job, String savepoints, Duration limit) throws InterruptedException {
        try {
            return cluster.stopWithSavepoint(job, savepoints, false, SavepointFormatType.CANONICAL)
                    .get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new CommandFailedException(Sentence.of(e.getCause()), e);
        } catch (TimeoutException e) {
            throw new CommandFailedException("It took longer than " + limit.toSeconds() + " s.", e);
        }
    }

    /** Triggers a checkpoint; {@link #look} shows the result. */
    public void checkpoint(JobID job) {
        cluster.triggerCheckpoint(job);
    }

    /** Cancels the job; its last checkpoint is kept. */
    public void cancel(JobID job) {
        cluster.cancelJob(job);
    }

    /**
     * Cancels the job if it has not ended, and waits for its end: closing the cluster first would
     * fail the job.
     */
    private void end(JobID job) {
        try {
            if (!cluster.getJobStatus(job).get().isGloballyTerminalState()) {
                cancel(job);
            }
            result(job).get(CLOSE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("Job {} did not end in order", job, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends the jobs, then the cluster. */
    @Override
    public void close() {
        jobs.forEach(this::end);
        try {
            cluster.closeAsync().get(CLOSE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // The process ends after this, with the rest of the cluster.
            LOG.warn("The embedded cluster did not close in order", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
