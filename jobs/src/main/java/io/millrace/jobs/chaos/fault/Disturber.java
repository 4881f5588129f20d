package io.millrace.jobs.chaos.fault;

import io.millrace.jobs.chaos.cluster.ChildProcess;
import io.millrace.jobs.chaos.cluster.Cluster;
import io.millrace.jobs.chaos.cluster.ClusterJob;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Injects the faults of a plan, and repairs the cluster. One thread; a second one resumes stopped
 * processes.
 */
public final class Disturber implements AutoCloseable {
    /** File limit of a full disk: enough for a log line, not for state. */
    private static final int FULL_DISK_BYTES = 512;

    private static final Duration BROKER_STOP = Duration.ofSeconds(20);

    /** Maximum delay of the broker after a transaction's timeout. */
    private static final long BROKER_NOTICES_MS = 3000;

    private final Cluster cluster;
    private final ClusterJob job;

    private final Set<ChildProcess> suspended = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();

    public Disturber(Cluster cluster, ClusterJob job) {
        this.cluster = cluster;
        this.job = job;
    }

    /**
     * Injects a fault. Returns when killed processes are restarted, before the job has recovered.
     */
    public void inject(Fault fault) throws IOException, InterruptedException {
        switch (fault.kind()) {
            case TASKMANAGER_KILL -> {
                int number = taskManager(fault);
                cluster.taskManager(number).kill();
                cluster.startTaskManager(number);
            }
            case JOBMANAGER_KILL -> {
                cluster.jobManager().kill();
                cluster.startJobManager();
            }
            case EVERYTHING_KILL -> {
                cluster.killAll();
                cluster.startAll();
            }
            case TASKMANAGER_STOP, TASKMANAGER_PAUSE -> suspend(fault);
            case BROKER_KILL -> {
                cluster.broker().kill();
                cluster.startBroker();
                cluster.awaitBroker();
            }
            case BROKER_RESTART -> {
                cluster.broker().terminate(BROKER_STOP);
                cluster.startBroker();
                cluster.awaitBroker();
            }
            case DISK_FULL -> fillDisk(fault);
            case SLOW_NETWORK -> slowDown(fault);
            case RESCALE, SAVEPOINT -> job.stopAndResume(fault.parallelism());
            case OUTAGE -> outage();
        }
    }

    /** A TaskManager with tasks, if there is one. */
    private int taskManager(Fault fault) throws InterruptedException {
        List<Integer> busy = cluster.busyTaskManagers(job.id());
        return busy.get(fault.target() % busy.size());
    }

    /** Does not wait for its end: other TaskManagers continue, and more faults may follow. */
    private void suspend(Fault fault) throws IOException, InterruptedException {
        ChildProcess process = cluster.taskManager(taskManager(fault));
        process.suspend();
        suspended.add(process);
        timer.schedule(() -> resume(process), fault.lastsMs(), TimeUnit.MILLISECONDS);
    }

    private void resume(ChildProcess process) {
        if (suspended.remove(process) && process.isAlive()) {
            try {
                process.resume();
            } catch (IOException e) {
                // It was killed in the meantime.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void outage() throws IOException, InterruptedException {
        cluster.link().holdTransactionEnds();
        try {
            Cluster.await("a commit to hold back", () -> cluster.link().held() > 0);
            cluster.killFlink();
        } finally {
            cluster.link().heal();
        }
        TimeUnit.MILLISECONDS.sleep(ClusterJob.TRANSACTION_TIMEOUT_MS + BROKER_NOTICES_MS);
        cluster.startFlink();
        job.awaitLostTransactions();
        job.resumeCheckpointBefore();
    }

    private void fillDisk(Fault fault) throws IOException, InterruptedException {
        List<ChildProcess> writers = new ArrayList<>(cluster.taskManagers());
        writers.add(cluster.jobManager());
        try {
            for (ChildProcess writer : writers) {
                writer.limitFiles(FULL_DISK_BYTES);
            }
            last(fault);
        } finally {
            for (ChildProcess writer : writers) {
                if (writer.isAlive()) {
                    writer.limitFiles(-1);
                }
            }
        }
    }

    private void slowDown(Fault fault) throws InterruptedException {
        int latencyMs = 20 + fault.lastsMs() % 180;
        int bytesPerSecond = 50_000 + 100 * (fault.lastsMs() % 1000);
        cluster.link().slow(latencyMs, bytesPerSecond);
        TimeUnit.MILLISECONDS.sleep(fault.lastsMs() / 2);
        cluster.link().cut();
        TimeUnit.MILLISECONDS.sleep(fault.lastsMs() / 2);
        cluster.link().heal();
    }

    private static void last(Fault fault) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(fault.lastsMs());
    }

    /** Resumes stopped processes. */
    @Override
    public void close() {
        timer.shutdownNow();
        suspended.forEach(this::resume);
    }
}
