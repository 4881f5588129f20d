package io.millrace.jobs.chaos.fault;

/**
 * One fault of a plan.
 *
 * @param target index of the TaskManager with tasks, for faults of one
 * @param delayMs delay after its turn
 * @param lastsMs duration, for faults with one
 * @param parallelism new parallelism, for a rescale
 * @param early whether it does not wait for the recovery from the previous fault
 */
public record Fault(
        FaultKind kind, int target, int delayMs, int lastsMs, int parallelism, boolean early) {

    @Override
    public String toString() {
        return switch (kind) {
            case TASKMANAGER_KILL -> kind + " " + target;
            case TASKMANAGER_STOP, TASKMANAGER_PAUSE ->
                    kind + " " + target + " for " + lastsMs + " ms";
            case DISK_FULL, SLOW_NETWORK -> kind + " for " + lastsMs + " ms";
            case RESCALE -> kind + " to " + parallelism;
            default -> kind.toString();
        };
    }
}
