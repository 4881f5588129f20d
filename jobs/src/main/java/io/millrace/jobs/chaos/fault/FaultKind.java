package io.millrace.jobs.chaos.fault;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Kinds of faults. */
public enum FaultKind {
    /** kill -9 of a TaskManager; another takes its place. */
    TASKMANAGER_KILL(4, true),
    /** kill -9 of the JobManager; another takes over. */
    JOBMANAGER_KILL(2, true),
    /** kill -9 of JobManager, TaskManagers, broker and ZooKeeper. */
    EVERYTHING_KILL(1, true),
    /** A TaskManager is stopped for longer than the heartbeat timeout, then continues. */
    TASKMANAGER_STOP(1, true),
    /** Stop with a savepoint, resume with another parallelism. */
    RESCALE(2, true),
    /** Stop with a savepoint, resume. */
    SAVEPOINT(1, true),
    /** A TaskManager is stopped for less than the heartbeat timeout. */
    TASKMANAGER_PAUSE(1, false),
    /** kill -9 of the broker, which is restarted. */
    BROKER_KILL(2, false),
    /** The broker is shut down and restarted. */
    BROKER_RESTART(1, false),
    /** JobManager and TaskManagers cannot write files. */
    DISK_FULL(2, false),
    /**
     * The network between the job and the broker has high latency and low bandwidth, and breaks
     * once.
     */
    SLOW_NETWORK(2, false),
    /**
     * JobManager and TaskManagers are killed between a checkpoint and the commit of its answers,
     * and are down for longer than Kafka's transaction timeout. The job must then report it and
     * fail; it resumes from the previous checkpoint. Only drawn if requested.
     */
    OUTAGE(1, true);

    private static final List<FaultKind> USUAL =
            Arrays.stream(values()).filter(kind -> kind != OUTAGE).toList();

    private final int weight;
    private final boolean restores;

    FaultKind(int weight, boolean restores) {
        this.weight = weight;
        this.restores = restores;
    }

    /** The default kinds. */
    public static List<FaultKind> usual() {
        return USUAL;
    }

    /** Relative frequency. */
    int weight() {
        return weight;
    }

    /** Whether the job must restore its state. */
    public boolean restores() {
        return restores;
    }

    /** The name on the command line, such as {@code taskmanager-kill}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
