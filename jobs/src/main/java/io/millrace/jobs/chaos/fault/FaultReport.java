package io.millrace.jobs.chaos.fault;

import java.util.Locale;

/**
 * The report of one fault.
 *
 * @param fault description of the fault
 * @param atMs its start, since the run's start
 * @param answered answers committed before it
 * @param inFlight requests in flight at the last sample before it
 * @param restored number of these that continued from a checkpoint or savepoint
 * @param restores restores until the next fault that waited for the recovery
 * @param checkpoints checkpoints completed until then
 * @param failedCheckpoints checkpoints that failed until then
 * @param nextAnswerMs time from its start to the next answer: until a consumer saw a committed
 *     answer that was completed after it; -1 if there was none
 * @param downtimeMs the longest time from then on without a committed answer while requests were
 *     unanswered; -1 if there were none
 */
public record FaultReport(
        FaultKind kind,
        String fault,
        long atMs,
        int answered,
        int inFlight,
        int restored,
        int restores,
        int checkpoints,
        int failedCheckpoints,
        long nextAnswerMs,
        long downtimeMs) {

    /** Whether requests in flight were restored. */
    public boolean counts() {
        return inFlight > 0 && restored > 0;
    }

    public String line() {
        return String.format(
                Locale.ROOT,
                "%6.1f s  %-28s in flight %3d, restored %3d, restores %d, checkpoints %d (%d"
                        + " failed), next answer after %s, none for %s",
                atMs / 1e3,
                fault,
                inFlight,
                restored,
                restores,
                checkpoints,
                failedCheckpoints,
                nextAnswer(),
                downtime());
    }

    /** Display text of the time to the next answer. */
    public String nextAnswer() {
        return seconds(nextAnswerMs);
    }

    /** Display text of the downtime. */
    public String downtime() {
        return seconds(downtimeMs);
    }

    private static String seconds(long ms) {
        return ms < 0 ? "-" : String.format(Locale.ROOT, "%.1f s", ms / 1e3);
    }
}
