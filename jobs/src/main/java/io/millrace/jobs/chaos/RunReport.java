package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.Checker;
import io.millrace.jobs.chaos.cluster.RestoreLog;
import io.millrace.jobs.chaos.fault.FaultReport;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The report of one run.
 *
 * @param seed seed of its plan
 * @param planned planned faults; -1 for as many as there is time for
 * @param answered number of committed records
 * @param verdict differences from the undisturbed run
 * @param faults the injected faults, in order
 * @param checkpoints completed checkpoints
 * @param failedCheckpoints failed checkpoints
 * @param restores number of restores
 * @param restoredTimes number of answers by number of restores, without 0
 * @param checkpointsMs durations of checkpoints: p50, p99, maximum
 * @param savepointsMs durations of stops with a savepoint
 * @param restoredTokens restored tokens: kept and repeated
 * @param longestGapMs the longest time between two commits
 * @param failures causes of failed checkpoints, by the JobManagers' logs and by Flink, with counts
 * @param answersSha256 hash of all answers and dead letters, see {@code AnswerHash}
 * @param deadLetters committed dead letters by code
 * @param planted the planted faults with which the checker was tested before; null for none
 * @param trouble the reason why the run did not complete; null if it did
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

    /** Whether the run completed with nothing lost, duplicated or different. */
    public boolean isRight() {
        return trouble == null && verdict.isRight();
    }

    /**
     * Whether the run counts: half of the faults met requests that were restored, some of them
     * unfinished.
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
