package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Traces as Flink 2.3 logs them. */
class CheckpointLogTest {
    private static final String JOB = "0cde08e58b838937c66299d9c7240b6d";
    private static final String DISK =
            """
            org.apache.flink.runtime.checkpoint.CheckpointException: Asynchronous task checkpoint failed.
            \tat org.apache.flink.runtime.checkpoint.CheckpointCoordinator.receiveDeclineMessage(CheckpointCoordinator.java:1140)
            Caused by: org.apache.flink.util.SerializedThrowable: java.io.IOException: Could not flush 17 bytes to /c/5f1dab0000000000000000000000cafe
            \t... 1 more
            Caused by: org.apache.flink.util.SerializedThrowable: java.io.IOException: No space left on device
            \tat java.base/java.io.FileOutputStream.writeBytes(Native Method)
            """;
    private static final String TASKS =
            """
            org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint triggering task Source: a (1/2) of job 0cde08e58b838937c66299d9c7240b6d is not being executed at the moment. Aborting checkpoint. Failure reason: Not all required tasks are currently running.
            \tat java.base/java.lang.Thread.run(Thread.java:840)
            """;

    @TempDir Path folder;

    @Test
    void eachFailureHasItsFirstMessageAndItsRoot() throws IOException {
        append("002-jobmanager.log", failure("1", JOB, DISK));
        CheckpointLog log = new CheckpointLog(folder);
        append(
                "002-jobmanager.log",
                failure("2", JOB, DISK)
                        + line("INFO  something else")
                        + failure("UNKNOWN_CHECKPOINT_ID", JOB, TASKS)
                        + failure("3", "cafe", TASKS));
        append("007-jobmanager.log", failure("4", JOB, DISK));
        append("003-taskmanager-0.log", failure("5", JOB, DISK));
        String disk = "Asynchronous task checkpoint failed: No space left on device";
        String tasks =
                "Checkpoint triggering task Source: a (N/N) of job ID is not being executed at the"
                        + " moment. Aborting checkpoint. Failure reason: Not all required tasks are"
                        + " currently running.";
        assertThat(log.read().numbered())
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of(
                                new FailedCheckpoint(JOB, 2),
                                disk,
                                new FailedCheckpoint("cafe", 3),
                                tasks,
                                new FailedCheckpoint(JOB, 4),
                                disk));
        assertThat(log.read().others()).isEqualTo(Map.of(JOB, Map.of(tasks, 1)));
    }

    private static String failure(String number, String job, String trace) {
        return line(
                        "WARN  .flink.runtime.checkpoint.CheckpointFailureManager [io-1] Failed to"
                                + " trigger or complete checkpoint "
                                + number
                                + " for job "
                                + job
                                + ". (0 consecutive failed attempts so far)")
                + trace;
    }

    private static String line(String text) {
        return "2026-11-30 00:14:15,497 " + text + "\n";
    }

    private void append(String name, String text) throws IOException {
        Files.writeString(
                folder.resolve(name), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
