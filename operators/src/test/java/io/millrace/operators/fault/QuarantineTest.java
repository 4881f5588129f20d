package io.millrace.operators.fault;

import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.inference.InferenceHarness;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.FaultOptions;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.FailureCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One operator that is killed by its engine and comes back. */
@Timeout(60)
class QuarantineTest {
    @TempDir Path folder;
    private String name;
    private TestingControl control;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName() + test.getDisplayName();
        control = TestingControl.of(name);
    }

    private PipelineOptions options(Batching batching) {
        FaultOptions faults = FaultOptions.DEFAULT.withMaxAttempts(1);
        return PipelineOptions.builder(TestingEngine.options(name), TestingEngine.loader())
                .batching(batching)
                .batchSize(4)
                .faults(faults.withJournal(folder.resolve("suspects").toUri().toString()))
                .build();
    }

    /** Has the engine begin when it has all of them, or the one that goes before the others. */
    private void sendTogether(InferenceHarness harness, Inbound... requests) throws Exception {
        int before = control.added().size();
        control.hold();
        harness.sendBatch(requests);
        control.awaitAdded(before + (before == 0 ? requests.length : 1));
        control.release();
    }

    /** Files in the journal whose name has this in it. */
    private long files(String part) throws IOException {
        if (!Files.isDirectory(folder.resolve("suspects"))) {
            return 0;
        }
        try (Stream<Path> all = Files.list(folder.resolve("suspects"))) {
            return all.filter(file -> file.getFileName().toString().contains(part)).count();
        }
    }

    @Test
    void theJournalIsWrittenBeforeAnybodySeesTheErrorThatEndsTheProcess() throws Exception {
        InternalError error = new InternalError("context");
        control.failAt("a", 5, () -> error);
        InferenceHarness harness = InferenceHarness.open(options(Batching.DYNAMIC));
        sendTogether(harness, request("a", 54), request("b", 54), request("c", 54));
        assertThatThrownBy(() -> harness.runUntilOutcomes(1)).isSameAs(error);
        assertThat(files("-together-")).isEqualTo(3);
        harness.close();
    }

    @ParameterizedTest
    @EnumSource(Batching.class)
    void suspectsRunAloneAndLeaveTheJournalWithTheirCheckpoint(Batching batching) throws Exception {
        control.failAt("a", 5, () -> new IllegalStateException("a bit flipped"));
        Inbound[] suspects = {request("a", 17), request("b", 17), request("c", 17)};
        InferenceHarness dead = InferenceHarness.open(options(batching));
        sendTogether(dead, suspects);
        assertThatThrownBy(() -> dead.runUntilOutcomes(1)).hasMessageContaining("flipped");
        dead.close();
        assertThat(files("")).isEqualTo(3);

        try (InferenceHarness harness = InferenceHarness.open(options(batching))) {
            int before = control.stepsAlone();
            harness.sendBatch(suspects);
            harness.runUntilOutcomes(3);
            assertThat(control.stepsAlone() - before).isEqualTo(3 * 17);
            assertThat(harness.outcomes()).allMatch(Outcome.Answered.class::isInstance);
            // A restore would still bring them back.
            harness.flink.snapshot(7, 7);
            assertThat(files("")).isEqualTo(3);
            harness.flink.notifyOfCompletedCheckpoint(7);
            assertThat(files("")).isZero();
        }
    }

    @Test
    void restoredOnesRunAloneAsWellAndGoOnWhereTheyWere() throws Exception {
        control.hold();
        InferenceHarness dead = InferenceHarness.open(options(Batching.DYNAMIC));
        dead.sendBatch(request("a", 17), request("b", 17));
        control.awaitAdded(2);
        control.step(5);
        OperatorSubtaskState state = dead.snapshot();
        control.failAt("a", 9, () -> new IllegalStateException("a bit flipped"));
        control.release();
        assertThatThrownBy(() -> dead.runUntilOutcomes(1)).hasMessageContaining("flipped");
        dead.close();
        int decoded = control.decoded("b");
        int before = control.stepsAlone();
        try (InferenceHarness harness =
                InferenceHarness.open(options(Batching.DYNAMIC), 1, 0, state)) {
            harness.runUntilOutcomes(2);
            assertThat(control.stepsAlone() - before).isEqualTo(2 * (17 - 5));
            assertThat(control.decoded("b") - decoded).isEqualTo(17 - 5);
        }
    }

    @Test
    void oneThatFailsAloneTooOftenIsAFailureAtOnce() throws Exception {
        control.failAlwaysAt("a", 5, () -> new IllegalStateException("the kernel failed"));
        for (int failures = 0; failures < 2; failures++) {
            InferenceHarness dead = InferenceHarness.open(options(Batching.DYNAMIC));
            sendTogether(dead, request("a", 17), request("b", 17));
            assertThatThrownBy(() -> dead.runUntilOutcomes(2)).hasMessageContaining("kernel");
            dead.close();
        }
        assertThat(files("-alone-")).isEqualTo(1);
        try (InferenceHarness harness = InferenceHarness.open(options(Batching.DYNAMIC))) {
            harness.sendBatch(request("a", 17), request("b", 17));
            Outcome.Failed failed = (Outcome.Failed) harness.outcomes().get(0);
            assertThat(failed.id()).isEqualTo("a");
            assertThat(failed.code()).isEqualTo(FailureCode.GENERATION_FAILED);
            assertThat(failed.message())
                    .startsWith("The engine failed 1 time while it ran this request and nothing")
                    .endsWith("the kernel failed");
            harness.runUntilOutcomes(2);
            assertThat(harness.ids()).containsExactly("a", "b");
        }
    }
}
