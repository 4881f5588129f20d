package io.millrace.jobs.chaos.fault;

import java.util.Locale;

/**
 * What one fault has met, and what came of it.
 *
 * @param fault the same in words
 * @param atMs when it began, since the run's start
 * @param answered answers that were committed before it
 * @param inFlight requests in flight when last looked before it
 * @param restored of these, requests that were answered on from a checkpoint or savepoint
 * @param restores how often tasks were restored until the next fault that waited for the recovery
 * @param checkpoints checkpoints completed until then
 * @param failedCheckpoints checkpoints that failed until then
 * @param nextAnswerMs time from its begin to the next answer: until a consumer saw a committed
 *     answer that was completed after it; -1 if there was none
 * @param downtimeMs the longest time from then on in which no answer was committed although some
 *     were wanted; -1 if none was wanted
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

    /** Whether it shows something of state that was restored. */
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

    /** The time to the next answer, in words. */
    public String nextAnswer() {
        return seconds(nextAnswerMs);
    }

    /** The time without answers, in words. */
    public String downtime() {
        return seconds(downtimeMs);
    }

    private static String seconds(long ms) {
        return ms < 0 ? "-" : String.format(Locale.ROOT, "%.1f s", ms / 1e3);
    }
}
