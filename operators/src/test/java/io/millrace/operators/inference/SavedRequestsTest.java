package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.longRequest;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.record.Inbound;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightRequest;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint's files tell of requests in flight, to somebody who has no job. */
@Timeout(60)
class SavedRequestsTest extends InferenceOperatorFixture {
    @TempDir Path folder;

    @Test
    void halfAnswersAreReadOutOfACheckpoint() throws Exception {
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(
                    request("a", 54),
                    longRequest("b", 17),
                    new Inbound.Rejected(
                            request("c", 1).origin(), "c", FailureCode.UNREADABLE, "no"));
            control.awaitAdded(2);
            control.step(7);
            state = harness.snapshot();
        }
        OperatorState first = new OperatorState("inference", "uid", new OperatorID(), 2, 128);
        first.putState(1, state);
        OperatorState other = new OperatorState("sink", "uid-2", new OperatorID(), 1, 128);
        other.putState(0, OperatorSubtaskState.builder().build());
        try (OutputStream out = Files.newOutputStream(folder.resolve("_metadata"))) {
            Checkpoints.storeCheckpointMetadata(
                    new CheckpointMetadata(17, List.of(first, other), List.of()), out);
        }

        List<InFlightRequest> saved = SavedRequests.read(folder);
        assertThat(saved)
                .filteredOn(each -> each.getRequest() != null)
                .extracting(each -> each.getRequest().getId())
                .containsExactly("a", "b");
        assertThat(saved.get(saved.size() - 1).getValue().remaining()).isGreaterThan(20_000);
        assertThat(saved)
                .filteredOn(each -> each.getRequest() != null)
                .allMatch(each -> each.getGenerated().get(0).size() == 7)
                .allMatch(each -> each.getResult() == null);
    }

    @Test
    void aCheckpointThatIsGoneIsAnIoException() {
        assertThatThrownBy(() -> SavedRequests.read(folder.resolve("chk-17")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("chk-17");
    }
}
