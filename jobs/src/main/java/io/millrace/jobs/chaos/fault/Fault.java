package io.millrace.jobs.chaos.fault;

/**
 * One fault of a plan.
 *
 * @param target which of the TaskManagers that are at work, where one is meant
 * @param delayMs when it comes, after the moment that its turn has come
 * @param lastsMs how long it lasts, where it does
 * @param parallelism what the job goes on with, of a rescale
 * @param early it does not wait until the job has recovered from the one before
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
