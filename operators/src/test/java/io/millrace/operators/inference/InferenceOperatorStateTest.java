package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.expected;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.FailureCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Snapshots while requests are in flight, and what is restored of them. */
@Timeout(60)
class InferenceOperatorStateTest extends InferenceOperatorFixture {
    @Test
    void aSnapshotMidwayRestoresToTheSameBytesWithoutDecodingAgain() throws Exception {
        List<Inbound.Request> requests = new ArrayList<>();
        for (int i = 0; i < 17; i++) {
            requests.add(request("r" + i, 20 + i));
        }
        PipelineOptions options = options().build();
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(requests.toArray(Inbound[]::new));
            control.awaitAdded(17);
            control.step(7);
            state = harness.snapshot();
        }
        Map<String, Integer> before = new TreeMap<>();
        requests.forEach(
                r -> before.put(r.request().getId(), control.decoded(r.request().getId())));
        assertThat(before.values()).allMatch(count -> count == 7);
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(17);
            for (Outcome outcome : harness.outcomes()) {
                Inbound.Request request =
                        requests.stream()
                                .filter(
                                        r ->
                                                r.request()
                                                        .getId()
                                                        .equals(TestingRequests.id(outcome)))
                                .findFirst()
                                .orElseThrow();
                assertThat(outcome.origin().value()).isEqualTo(request.origin().value());
                assertThat(completion(outcome).getTokenIds()).isEqualTo(expected(request));
                assertThat(((Outcome.Answered) outcome).facts().attempts()).isEqualTo(1);
                assertThat(control.decoded(request.request().getId()))
                        .as("tokens decoded in both lives together")
                        .isEqualTo(expected(request).size());
            }
        }
    }

    @Test
    void outcomesThatWaitForTheirTurnAreStateAndNotAnsweredAgain() throws Exception {
        PipelineOptions options = options().ordered(true).build();
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(
                    request("long", 54),
                    request("short", 1),
                    new Inbound.Rejected(
                            TestingRequests.origin("bad"), null, FailureCode.UNREADABLE, "why"));
            control.awaitAdded(2);
            control.step(3);
            state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactly("long", "short", null);
            assertThat(control.decoded("short")).isEqualTo(1);
            assertThat(control.added()).hasSize(3);
            assertThat(completion(harness.outcomes().get(1)).getTokenIds())
                    .isEqualTo(expected(request("short", 1)));
            Outcome.Failed failed = (Outcome.Failed) harness.outcomes().get(2);
            assertThat(failed.message()).isEqualTo("why");
        }
    }

    @Test
    void aSnapshotLetsNothingOutAndWhatItFoundDoneLeavesAfterIt() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            control.hold();
            harness.runMails();
            harness.send(request("a", 1));
            control.awaitAdded(1);
            control.step(1);
            OperatorSubtaskState state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
            harness.runMails();
            assertThat(harness.ids()).containsExactly("a");
            try (InferenceHarness restored =
                    InferenceHarness.open(options().build(), 1, 0, state)) {
                restored.runUntilOutcomes(1);
                assertThat(restored.ids()).containsExactly("a");
            }
        }
    }

    @Test
    void requestsInFlightFollowTheJobFromOneToThreeToTwoSubtasks() throws Exception {
        PipelineOptions options = options().maxInFlightRequests(5).build();
        control.hold();
        OperatorSubtaskState one;
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            for (int i = 0; i < 17; i++) {
                harness.send(request("r" + i, 30));
            }
            control.awaitAdded(17);
            control.step(4);
            one = harness.snapshot();
        }
        OperatorSubtaskState[] three = new OperatorSubtaskState[3];
        for (int i = 0; i < 3; i++) {
            OperatorSubtaskState state = InferenceHarness.rescaled(one, 1, 3, i);
            try (InferenceHarness harness = InferenceHarness.open(options, 3, i, state)) {
                int already = control.added().size();
                control.awaitAdded(already);
                three[i] = harness.snapshot();
            }
        }
        OperatorSubtaskState all = repackaged(three);
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            OperatorSubtaskState state = InferenceHarness.rescaled(all, 3, 2, i);
            control.hold();
            try (InferenceHarness harness = InferenceHarness.open(options, 2, i, state)) {
                assertThat(harness.valve().isOpen()).isFalse();
                control.release();
                harness.runUntil(() -> harness.valve().isEmpty());
                ids.addAll(harness.ids());
                for (Outcome outcome : harness.outcomes()) {
                    assertThat(((Outcome.Answered) outcome).facts().attempts()).isEqualTo(2);
                    assertThat(control.decoded(TestingRequests.id(outcome))).isEqualTo(30);
                }
            }
        }
        assertThat(ids).hasSize(17).doesNotHaveDuplicates();
    }

    private static OperatorSubtaskState repackaged(OperatorSubtaskState... states)
            throws Exception {
        return AbstractStreamOperatorTestHarness.repackageState(states);
    }
}
