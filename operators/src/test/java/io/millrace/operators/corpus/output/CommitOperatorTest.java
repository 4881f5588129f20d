package io.millrace.operators.corpus.output;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.FileEvent.End;
import io.millrace.operators.corpus.output.FileEvent.Staged;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.StreamTaskActionExecutor;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailboxImpl;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CommitOperatorTest {
    private static final FileFormat JSONL = FileFormat.of("a.jsonl", null, null);
    private static final Columns COLUMNS = new Columns("text", null, "answer", false);

    @TempDir Path root;
    private OutputFolder folder;

    @BeforeEach
    void open() {
        folder = new OutputFolder(root.resolve("out").toString());
    }

    @Test
    void theLastCheckpointWaitsForTheOutputs() throws Exception {
        try (var harness = harness(null)) {
            send(harness, "a.jsonl", 3);
            send(harness, "b.jsonl", 1);
            harness.endInput();
            harness.getOneInputOperator().finish();
            harness.snapshot(7, 7);
            harness.notifyOfCompletedCheckpoint(7);
            assertThat(Files.readString(folder.output("a.jsonl")))
                    .isEqualTo(
                            "{\"n\":1,\"answer\":\"A\"}\n{\"n\":2,\"answer\":\"A\"}\n{\"n\":3,\"answer\":\"A\"}\n");
            assertThat(folder.output("b.jsonl")).exists();
            assertThat(Totals.read(folder)).isEqualTo(new Totals(2, new Tally(4, 0, 20, 36)));
        }
    }

    /** Its name is among the outputs only once it is heard of; a kill may come before. */
    @Test
    void aFileStaysInCheckpointsUntilItsOutputIsHeardOf() throws Exception {
        OperatorSubtaskState before;
        OperatorSubtaskState after;
        try (var harness = harness(null)) {
            send(harness, "a.jsonl", 3);
            harness.snapshot(1, 1);
            harness.notifyOfCompletedCheckpoint(1);
            before = harness.snapshot(2, 2);
            harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
            assertThat(folder.output("a.jsonl")).exists();
            assertThat(folder.staging("a.jsonl")).exists();
            after = harness.snapshot(3, 3);
            harness.notifyOfCompletedCheckpoint(3);
            harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
            assertThat(folder.staging("a.jsonl")).doesNotExist();
        }
        for (OperatorSubtaskState state : List.of(before, after)) {
            try (var harness = harness(state)) {
                harness.endInput();
                harness.getOneInputOperator().finish();
                harness.snapshot(9, 9);
                harness.notifyOfCompletedCheckpoint(9);
                assertThat(Totals.read(folder)).isEqualTo(new Totals(1, new Tally(3, 0, 15, 27)));
            }
        }
    }

    /** Rows of 9 bytes each, of 54 that all have. */
    @Test
    void thePercentCountsRestoredRows() throws Exception {
        OperatorSubtaskState state;
        try (var harness = harness(null)) {
            assertThat(percent(harness)).isZero();
            send(harness, "a.jsonl", 3);
            assertThat(percent(harness)).isEqualTo(50);
            harness.snapshot(1, 1);
            harness.notifyOfCompletedCheckpoint(1);
            harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
            send(harness, "b.jsonl", 1);
            state = harness.snapshot(2, 2);
        }
        try (var harness = harness(state)) {
            assertThat(percent(harness)).isEqualTo(66);
            send(harness, "c.jsonl", 5);
            assertThat(percent(harness)).isEqualTo(100);
        }
    }

    private static long percent(OneInputStreamOperatorTestHarness<FileEvent, Void> harness) {
        return ((CommitOperator) harness.getOneInputOperator()).percent();
    }

    @Test
    void whatIsMissingInTheStagedRowsEndsTheJob() throws Exception {
        try (var harness = harness(null)) {
            send(harness, "a.jsonl", 3);
            OutputFolder.delete(folder.staging("a.jsonl"));
            harness.snapshot(1, 1);
            harness.notifyOfCompletedCheckpoint(1);
            assertThatThrownBy(() -> harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run())
                    .hasRootCauseInstanceOf(Exception.class)
                    .hasStackTraceContaining(SuppressRestartsException.class.getName())
                    .hasStackTraceContaining("The staging files of the output of a.jsonl")
                    .hasStackTraceContaining("was deleted. Restore the files in");
        }
    }

    @Test
    void aFullDiskUnderTheCountsEndsTheJob() throws Exception {
        try (var harness = harness(null)) {
            send(harness, "a.jsonl", 3);
            Files.createSymbolicLink(folder.hidden().resolve("totals.part"), Path.of("/dev/full"));
            harness.snapshot(1, 1);
            harness.notifyOfCompletedCheckpoint(1);
            assertThatThrownBy(() -> harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run())
                    .hasStackTraceContaining(SuppressRestartsException.class.getName())
                    .hasStackTraceContaining("There is no space for the totals after")
                    .hasStackTraceContaining("then repeat the command");
        }
    }

    @Test
    void noBarrierWaitsForAFileThatIsPutTogether() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        TaskMailboxImpl mailbox = new TaskMailboxImpl(Thread.currentThread());
        List<String> heard = new java.util.ArrayList<>();
        try (Assembler assembler =
                new Assembler(
                        folder,
                        file -> {
                            try {
                                go.await();
                            } catch (InterruptedException e) {
                                throw new IOException(e);
                            }
                        },
                        new MailboxExecutorImpl(mailbox, 0, StreamTaskActionExecutor.IMMEDIATE),
                        heard::add)) {
            assembler.commit("a", new FileState());
            assembler.commit("b", new FileState());
            assembler.commit("a", new FileState());
            assertThat(heard).as("both calls came back while nothing is done").isEmpty();
            go.countDown();
            assembler.await();
            assertThat(heard).containsExactly("a", "b");
        }
    }

    /** The task is cancelled. */
    @Test
    void whatIsInWorkEndsWithTheTask() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        TaskMailboxImpl mailbox = new TaskMailboxImpl(Thread.currentThread());
        Assembler assembler =
                new Assembler(
                        folder,
                        file -> {
                            begun.countDown();
                            try {
                                new CountDownLatch(1).await();
                            } catch (InterruptedException e) {
                                ended.countDown();
                                throw new IOException(e);
                            }
                        },
                        new MailboxExecutorImpl(mailbox, 0, StreamTaskActionExecutor.IMMEDIATE),
                        name -> {});
        assembler.commit("a", new FileState());
        begun.await();
        mailbox.quiesce();
        mailbox.close();
        assembler.close();
        assertThat(ended.getCount()).isZero();
    }

    private OneInputStreamOperatorTestHarness<FileEvent, Void> harness(OperatorSubtaskState state)
            throws Exception {
        OneInputStreamOperatorTestHarness<FileEvent, Void> harness =
                new OneInputStreamOperatorTestHarness<>(
                        new CommitOperatorFactory(folder, COLUMNS, 54),
                        FileEventSerializer.INSTANCE);
        harness.setup();
        if (state != null) {
            harness.initializeState(state);
        }
        harness.open();
        return harness;
    }

    private void send(
            OneInputStreamOperatorTestHarness<FileEvent, Void> harness, String file, int rows)
            throws Exception {
        try (StagingFiles files = new StagingFiles(folder, "part")) {
            for (int row = 1; row <= rows; row++) {
                byte[] bytes = "{\"n\":%d}".formatted(row).getBytes(UTF_8);
                files.add(
                        file,
                        new StagedRow(row, row, bytes, List.of("A"), null, null),
                        new Tally(1, 0, 5, 9));
            }
            for (Staged staged : files.flush()) {
                harness.processElement(new StreamRecord<>(staged));
            }
        }
        harness.processElement(new StreamRecord<>(new End(file, JSONL, new byte[0], rows, null)));
    }
}
