package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.inbound;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Outcome.Computation;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Equal requests are computed once, and each has its own outcome. */
@Timeout(60)
class InferenceOperatorCopiesTest extends InferenceOperatorFixture {
    private PipelineOptions sharing() {
        return options().dedupeBytes(1 << 20).build();
    }

    private static Inbound.Request same(String id) {
        return same(id, request -> {});
    }

    private static Inbound.Request same(String id, Consumer<InferenceRequest> more) {
        InferenceRequest request =
                InferenceRequest.newBuilder(request("first", 17).request()).build();
        request.setId(id);
        more.accept(request);
        return inbound(request);
    }

    private static Computation computation(Outcome outcome) {
        return ((Outcome.Answered) outcome).computation();
    }

    private static Outcome of(InferenceHarness harness, String id) {
        return harness.outcomes().stream()
                .filter(each -> TestingRequests.id(each).equals(id))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void thoseInFlightWaitAndLaterOnesHaveTheAnswerAtOnce() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(sharing())) {
            control.hold();
            harness.sendBatch(same("a"), same("b"), same("c"));
            assertThat(harness.valve().requests()).isEqualTo(3);
            control.release();
            harness.runUntilOutcomes(3);
            control.hold();
            harness.send(same("d"));
            harness.runUntilOutcomes(4);
            assertThat(control.added()).hasSize(1);
            assertThat(harness.ids()).containsExactlyInAnyOrder("a", "b", "c", "d");
            for (Outcome outcome : harness.outcomes()) {
                assertThat(completion(outcome).getTokenIds())
                        .isEqualTo(TestingRequests.expected(request("first", 17)));
                assertThat(computation(outcome))
                        .isEqualTo(
                                TestingRequests.id(outcome).equals(control.added().get(0).id())
                                        ? Computation.OWN
                                        : Computation.COPIED);
            }
            assertThat(harness.valve().requests()).isZero();
            assertThat(harness.valve().tokens()).isZero();
            control.release();
        }
    }

    @Test
    void whatIsDrawnByIdsIsComputedEach() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(sharing())) {
            harness.send(
                    same("a", each -> each.setTemperature(0.5)),
                    same("b", each -> each.setTemperature(0.5)));
            harness.runUntilOutcomes(2);
            assertThat(control.added()).hasSize(2);
            assertThat(harness.outcomes())
                    .allMatch(outcome -> computation(outcome) == Computation.BY_ID);
            assertThat(completion(of(harness, "a"))).isNotEqualTo(completion(of(harness, "b")));
            Consumer<InferenceRequest> seeded =
                    each -> {
                        each.setTemperature(0.5);
                        each.setSeed(3L);
                    };
            harness.send(same("c", seeded), same("d", seeded));
            harness.runUntilOutcomes(4);
            assertThat(control.added()).hasSize(3);
            assertThat(completion(of(harness, "c"))).isEqualTo(completion(of(harness, "d")));
        }
    }

    @Test
    void otherRequestsAreComputed() throws Exception {
        try (InferenceHarness harness = InferenceHarness.open(sharing())) {
            harness.send(
                    same("a"),
                    same("b", each -> each.setMaxTokens(16)),
                    same("c", each -> each.setPrompt("another")),
                    same("d", each -> each.setDeadlineMs(System.currentTimeMillis() + 3_600_000)));
            harness.runUntilOutcomes(4);
            assertThat(control.added()).hasSize(4);
        }
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(same("a"), same("b"));
            harness.runUntilOutcomes(2);
            assertThat(control.added()).hasSize(6);
        }
    }

    /** Which of them is the first is not the same in each run. */
    @Test
    void aFailureOfTheFirstIsThatOfAll() throws Exception {
        List<String> ids = List.of("a", "b", "c");
        ids.forEach(id -> control.poison(id, new IllegalStateException("cannot take this")));
        try (InferenceHarness harness = InferenceHarness.open(sharing())) {
            harness.sendBatch(same("a"), same("b"), same("c"));
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactlyInAnyOrderElementsOf(ids);
            for (Outcome outcome : harness.outcomes()) {
                Outcome.Failed failed = (Outcome.Failed) outcome;
                assertThat(failed.code()).isEqualTo(FailureCode.GENERATION_FAILED);
                assertThat(failed.message()).contains("cannot take this");
            }
            harness.send(same("d"));
            harness.runUntilOutcomes(4);
            assertThat(of(harness, "d")).isInstanceOf(Outcome.Answered.class);
        }
    }

    @Test
    void thoseThatWaitAreInTheStateAndAreSharedAgain() throws Exception {
        OperatorSubtaskState state;
        try (InferenceHarness harness = InferenceHarness.open(sharing())) {
            control.hold();
            harness.sendBatch(same("a"), same("b"), same("c"));
            control.awaitAdded(1);
            control.step(5);
            state = harness.snapshot();
            control.release();
        }
        try (InferenceHarness harness = InferenceHarness.open(sharing(), 1, 0, state)) {
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).containsExactlyInAnyOrder("a", "b", "c");
            assertThat(harness.outcomes())
                    .allSatisfy(
                            outcome ->
                                    assertThat(completion(outcome).getTokenIds())
                                            .isEqualTo(
                                                    TestingRequests.expected(
                                                            request("first", 17))));
            assertThat(control.added()).hasSize(2);
        }
    }

    /** Each subtask shares its own. */
    @Test
    void afterARescaleEachIsAnsweredOnce() throws Exception {
        OperatorSubtaskState state;
        try (InferenceHarness harness = InferenceHarness.open(sharing())) {
            control.hold();
            harness.sendBatch(same("a"), same("b"), same("c"), same("d"));
            state = harness.snapshot();
            control.release();
        }
        int outcomes = 0;
        for (int subtask = 0; subtask < 3; subtask++) {
            OperatorSubtaskState part = InferenceHarness.rescaled(state, 1, 3, subtask);
            try (InferenceHarness harness = InferenceHarness.open(sharing(), 3, subtask, part)) {
                harness.runUntil(() -> harness.valve().isEmpty());
                outcomes += harness.outcomes().size();
            }
        }
        assertThat(outcomes).isEqualTo(4);
    }

    @Test
    void withStaticBatchesItIsRefused() {
        assertThatThrownBy(() -> options().dedupeBytes(1).batching(Batching.STATIC).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("dynamic batching only");
    }
}
