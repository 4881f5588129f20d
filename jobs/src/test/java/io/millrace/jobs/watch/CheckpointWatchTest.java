package io.millrace.jobs.watch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.runtime.checkpoint.CheckpointFailureManager;
import org.apache.flink.runtime.checkpoint.CheckpointFailureReason;
import org.apache.flink.util.FlinkRuntimeException;
import org.apache.logging.log4j.core.LoggerContext;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class CheckpointWatchTest {
    private static final Throwable EXCEEDED =
            new FlinkRuntimeException(
                    CheckpointFailureManager.EXCEEDED_CHECKPOINT_TOLERABLE_FAILURE_MESSAGE);
    private static final Throwable FULL =
            new IOException(
                    "Could not flush and close the file system output stream",
                    new IOException("No space left on device"));

    private final Logger flink = LoggerFactory.getLogger(CheckpointFailureManager.class);

    private void fail(CheckpointFailureReason reason, Throwable cause) {
        flink.warn(
                "Failed to trigger or complete checkpoint 17 for job 54.",
                new CheckpointException(reason, cause));
    }

    @Test
    void theRootOfTheFirstFailureIsToldOnce() {
        try (CheckpointWatch watch = new CheckpointWatch("/checkpoints/millrace")) {
            assertThat(watch.look(null)).isNull();
            assertThat(watch.explains(EXCEEDED)).isFalse();
            fail(CheckpointFailureReason.CHECKPOINT_ASYNC_EXCEPTION, FULL);
            fail(CheckpointFailureReason.CHECKPOINT_ASYNC_EXCEPTION, FULL);
            assertThat(watch.look(null))
                    .isEqualTo(
                            "checkpoints fail: No space left on device (writing to"
                                    + " /checkpoints/millrace). No answer is committed until one"
                                    + " succeeds.");
            fail(CheckpointFailureReason.FINALIZE_CHECKPOINT_FAILURE, FULL);
            assertThat(watch.look(null)).isNull();
            assertThat(watch.explains(EXCEEDED)).isTrue();
            assertThat(watch.explains(FULL)).isFalse();
        }
    }

    @Test
    void whatFollowsFromAFailedTaskIsNoTroubleOfCheckpoints() {
        try (CheckpointWatch watch = new CheckpointWatch("/checkpoints/millrace")) {
            fail(CheckpointFailureReason.NOT_ALL_REQUIRED_TASKS_RUNNING, null);
            fail(CheckpointFailureReason.JOB_FAILOVER_REGION, null);
            assertThat(watch.look(null)).isNull();
            fail(CheckpointFailureReason.CHECKPOINT_EXPIRED, null);
            assertThat(watch.look(null))
                    .isEqualTo(
                            "checkpoints fail: Checkpoint expired before"
                                    + " completing. No answer is committed until one succeeds.");
        }
    }

    @Test
    void itListensAlsoAfterTheLoggingWasConfiguredAnew() {
        try (CheckpointWatch watch = new CheckpointWatch("/checkpoints/millrace")) {
            LoggerContext.getContext(false).reconfigure();
            fail(CheckpointFailureReason.IO_EXCEPTION, FULL);
            assertThat(watch.look(null)).contains("No space left on device");
        }
    }
}
