package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.Checker;
import io.millrace.jobs.chaos.cluster.RestoreLog;
import io.millrace.jobs.chaos.fault.FaultReport;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What came of one run.
 *
 * @param seed of its plan
 * @param planned faults that were to happen; -1 for as many as there is time for
 * @param answered records that were committed
 * @param verdict what differs from the undisturbed run
 * @param faults what happened, in order
 * @param checkpoints completed in all
 * @param failedCheckpoints failed in all
 * @param restores how often tasks were restored
 * @param restoredTimes how many answers were restored so often, none left out
 * @param checkpointsMs how long checkpoints took: p50, p99, most
 * @param savepointsMs how long each stop with a savepoint took
 * @param restoredTokens tokens that were restored, and what became of them
 * @param longestGapMs the longest time between two commits
 * @param failures why checkpoints failed, by the JobManagers' logs and by Flink, and how many each
 * @param answersSha256 hash of all answers and dead letters, see {@code AnswerHash}
 * @param deadLetters how many of each code were committed
 * @param planted what was planted before it to see whether the checker sees it; null if nothing
 * @param trouble why the run could not be ended; null if it was
 */
public record RunReport(
        long seed,
        int planned,
        int answered,
        Checker.Verdict verdict,
        List<FaultReport> faults,
        int checkpoints,
        int failedCheckpoints,
        int restores,
        Map<Long, Integer> restoredTimes,
        List<Long> checkpointsMs,
        List<Long> savepointsMs,
        RestoreLog.Tokens restoredTokens,
        long longestGapMs,
        Map<String, Integer> failures,
        String answersSha256,
        Map<String, Integer> deadLetters,
        double seconds,
        String planted,
        String trouble) {

    /** Nothing lost, nothing twice, nothing different, and it came to its end. */
    public boolean isRight() {
        return trouble == null && verdict.isRight();
    }

    /**
     * Whether it shows what it is meant to: half of the faults met requests that were restored, and
     * some of these were half-written.
     */
    public boolean counts() {
        if (planned == 0) {
            return restores == 0;
        }
        long met = faults.stream().filter(FaultReport::counts).count();
        return met > 0
                && 2 * met >= Math.max(planned, faults.size())
                && restoredTokens.kept() + restoredTokens.repeated() > 0;
    }

    String outcome() {
        return !isRight() ? "WRONG" : counts() ? "right" : "does not count";
    }

    String line() {
        return String.format(
                Locale.ROOT,
                "seed %d: %s; %d answers, %d lost, %d twice, %d different, %d unknown; %d faults,"
                        + " %d restores, %d checkpoints (%d failed), %.1f s%s",
                seed,
                outcome(),
                answered,
                verdict.lost(),
                verdict.twice(),
                verdict.different(),
                verdict.unknown(),
                faults.size(),
                restores,
                checkpoints,
                failedCheckpoints,
                seconds,
                trouble == null ? "" : "; " + trouble);
    }
}
