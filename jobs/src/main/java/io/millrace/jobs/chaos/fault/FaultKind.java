package io.millrace.jobs.chaos.fault;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What can be done to the cluster. */
public enum FaultKind {
    /** kill -9 of a TaskManager; another takes its place. */
    TASKMANAGER_KILL(4, true),
    /** kill -9 of the JobManager; another takes over. */
    JOBMANAGER_KILL(2, true),
    /** kill -9 of JobManager, TaskManagers, broker and ZooKeeper. */
    EVERYTHING_KILL(1, true),
    /** A TaskManager stands still for longer than its heartbeats may be late, then goes on. */
    TASKMANAGER_STOP(1, true),
    /** Stop with a savepoint, go on with another parallelism. */
    RESCALE(2, true),
    /** Stop with a savepoint, go on. */
    SAVEPOINT(1, true),
    /** A TaskManager stands still for less than that. */
    TASKMANAGER_PAUSE(1, false),
    /** kill -9 of the broker, which comes back. */
    BROKER_KILL(2, false),
    /** The broker is stopped in order and comes back. */
    BROKER_RESTART(1, false),
    /** No file can be written by JobManager and TaskManagers. */
    DISK_FULL(2, false),
    /** The way between the job and the broker is slow and thin, and breaks once. */
    SLOW_NETWORK(2, false),
    /**
     * JobManager and TaskManagers are killed between a checkpoint and the commit of its answers,
     * and stay away for longer than Kafka keeps a transaction open. The job must then say so and
     * fail; it goes on from the checkpoint before. Not among the kinds that are drawn unless asked
     * for.
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

    /** What is drawn from unless somebody says otherwise. */
    public static List<FaultKind> usual() {
        return USUAL;
    }

    /** How often it is drawn, among others. */
    int weight() {
        return weight;
    }

    /** Whether the job always has to restore its state. */
    public boolean restores() {
        return restores;
    }

    /** The name on the command line, such as {@code taskmanager-kill}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
