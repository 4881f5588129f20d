package io.millrace.jobs.watch;

import io.millrace.jobs.cli.Sentence;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.runtime.checkpoint.CheckpointFailureManager;
import org.apache.flink.runtime.checkpoint.CheckpointFailureReason;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStats;

/** Detects when checkpoints of a job in this process begin to fail, and when they succeed again. */
public final class CheckpointWatch implements AutoCloseable {
    /**
     * Reasons that are reported; all others follow from a failed task, which is reported itself.
     */
    private static final Set<CheckpointFailureReason> TROUBLE =
            Set.of(
                    CheckpointFailureReason.IO_EXCEPTION,
                    CheckpointFailureReason.CHECKPOINT_ASYNC_EXCEPTION,
                    CheckpointFailureReason.CHECKPOINT_DECLINED,
                    CheckpointFailureReason.CHECKPOINT_EXPIRED,
                    CheckpointFailureReason.TRIGGER_CHECKPOINT_FAILURE,
                    CheckpointFailureReason.FINALIZE_CHECKPOINT_FAILURE,
                    CheckpointFailureReason.TASK_CHECKPOINT_FAILURE);

    private final String folder;
    private final CheckpointFailures failures = CheckpointFailures.listen();
    private long firstMs;
    private long lastMs;
    private int failed;
    private int restarts;

    /**
     * @param folder folder of the checkpoints
     */
    public CheckpointWatch(String folder) {
        this.folder = folder;
    }

    /**
     * A sentence when checkpoints begin to fail or succeed again, otherwise null. Never waits.
     *
     * @param checkpoints the JobManager's statistics; null if it has none
     */
    public String look(CheckpointStatsSnapshot checkpoints) {
        String sentence = null;
        for (CheckpointFailures.Failure each : failures.take()) {
            if (!TROUBLE.contains(each.cause().getCheckpointFailureReason())) {
                continue;
            }
            lastMs = each.timeMs();
            if (failed++ == 0) {
                firstMs = lastMs;
                sentence = begun(each.cause());
            }
        }
        return sentence != null || failed == 0 ? sentence : ended(checkpoints);
    }

    private String begun(CheckpointException failure) {
        Throwable root = Causes.root(failure);
        String why = root == failure ? root.getMessage() : Sentence.of(root);
        return "checkpoints fail: "
                + (why.endsWith(".") ? why.substring(0, why.length() - 1) : why)
                + (root instanceof IOException ? " (writing to " + folder + ")" : "")
                + ". No answer is committed until one succeeds.";
    }

    private String ended(CheckpointStatsSnapshot checkpoints) {
        CompletedCheckpointStats newest =
                checkpoints == null
                        ? null
                        : checkpoints.getHistory().getLatestCompletedCheckpoint();
        if (newest == null || newest.getTriggerTimestamp() < lastMs) {
            return null;
        }
        Duration lasted = Duration.ofMillis(newest.getTriggerTimestamp() - firstMs);
        String sentence =
                "checkpoints succeed again, after %d s; %d failed%s"
                        .formatted(lasted.toSeconds(), failed, times(restarts));
        failed = 0;
        restarts = 0;
        return sentence;
    }

    /** The words after the number of failures. */
    static String times(int restarts) {
        return restarts == 0
                ? ""
                : ", and the job went back to its last checkpoint "
                        + (restarts == 1 ? "once" : restarts + " times");
    }

    /**
     * Whether the job failed only because of checkpoints, which was reported.
     *
     * @param failure of the job
     */
    public boolean explains(Throwable failure) {
        boolean explained =
                failed > 0
                        && String.valueOf(Causes.root(failure).getMessage())
                                .contains(
                                        CheckpointFailureManager
                                                .EXCEEDED_CHECKPOINT_TOLERABLE_FAILURE_MESSAGE);
        restarts += explained ? 1 : 0;
        return explained;
    }

    @Override
    public void close() {
        failures.close();
    }
}
