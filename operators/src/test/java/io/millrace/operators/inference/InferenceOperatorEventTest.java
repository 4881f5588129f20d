package io.millrace.operators.inference;

import static io.millrace.operators.event.TestingEvents.form;
import static io.millrace.operators.event.TestingEvents.origin;
import static io.millrace.operators.event.TestingEvents.request;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.operators.event.EventReading;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.Completion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Events in flight: their state, and the order of tombstones. */
@Timeout(60)
class InferenceOperatorEventTest extends InferenceOperatorFixture {
    private static final EventReading READING = new EventReading(form(20).build());

    private static String event(int i) {
        return "{\"text\":\"prompt %d\", \"note\":\"%s\", \"price\": 1.10}"
                .formatted(i, i == 3 ? "x".repeat(20_000) : "");
    }

    private static List<Inbound> events(int count) throws Exception {
        List<Inbound> events = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            events.add(
                    i == 3
                            ? new Inbound.Unread(origin(i, "k" + i, event(i)), null, READING)
                            : request(READING, origin(i, "k" + i, event(i))));
        }
        return events;
    }

    /** Events with their answers, by offset. */
    private static Map<Long, String> written(List<Outcome> outcomes) throws Exception {
        Map<Long, String> written = new TreeMap<>();
        for (Outcome outcome : outcomes) {
            Outcome.Answered answered = (Outcome.Answered) outcome;
            byte[] value =
                    answered.event()
                            .reading()
                            .answered(
                                    answered.origin().asEvent(),
                                    answered.result().getCompletions().stream()
                                            .map(Completion::getText)
                                            .toList(),
                                    answered.event().json());
            written.put(outcome.origin().position().offset(), new String(value, UTF_8));
        }
        return written;
    }

    @Test
    void halfAnsweredEventsAreRestoredToTheSameBytesWithoutDecodingAgain() throws Exception {
        PipelineOptions options = options().build();
        Map<Long, String> undisturbed;
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(events(7).toArray(Inbound[]::new));
            harness.runUntilOutcomes(7);
            undisturbed = written(harness.outcomes());
        }
        assertThat(undisturbed.get(0L))
                .startsWith("{\"text\":\"prompt 0\", \"note\":\"\", \"price\": 1.10,\"answer\":\"")
                .endsWith("\"}");
        OperatorSubtaskState state;
        control.hold();
        int before = control.added().size();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(events(7).toArray(Inbound[]::new));
            control.awaitAdded(before + 7);
            control.step(5);
            state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(7);
            assertThat(written(harness.outcomes())).isEqualTo(undisturbed);
            assertThat(control.decoded("events/3/5")).isEqualTo(20 + 20);
            assertThat(((Outcome.Answered) harness.outcomes().get(0)).facts().attempts())
                    .isEqualTo(1);
        }
    }

    @Test
    void aRestoredEventIsAskedByTheFormThatReadIt() throws Exception {
        EventReading first =
                new EventReading(
                        form(9).setPromptField(null)
                                .setPromptTemplate("Old {{ event.text }}")
                                .setResultField("old")
                                .build());
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request(first, origin(1, "a", event(1))));
            control.awaitAdded(1);
            control.step(4);
            state = harness.snapshot();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options().build(), 1, 0, state)) {
            harness.send(request(READING, origin(2, "b", event(2))));
            harness.runUntilOutcomes(2);
            Map<Long, String> written = written(harness.outcomes());
            assertThat(written.get(1L)).contains(",\"old\":\"").doesNotContain("answer");
            assertThat(written.get(2L)).contains(",\"answer\":\"");
            assertThat(control.decoded("events/3/1")).isEqualTo(9);
        }
    }

    /** The constraint of the job that restores it, and of the one that read it, say nothing. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFinishedAnswerStaysJsonOrText(boolean json) throws Exception {
        PipelineOptions structured =
                options()
                        .ordered(true)
                        .constraint(new Constraint.JsonSchema("{\"type\":\"object\"}"))
                        .build();
        PipelineOptions free = options().ordered(true).build();
        int decoded = control.decoded("events/3/2");
        int added = control.added().size();
        EventReading first = new EventReading(form(30).setStructured(!json).build());
        EventReading second = new EventReading(form(1).setStructured(!json).build());
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(json ? structured : free)) {
            harness.send(
                    request(first, origin(1, "a", event(1))),
                    request(second, origin(2, "b", event(2))));
            control.awaitAdded(added + 2);
            control.step(3);
            harness.runMails();
            state = harness.snapshot();
            assertThat(harness.outcomes()).isEmpty();
        }
        control.release();
        try (InferenceHarness harness =
                InferenceHarness.open(json ? free : structured, 1, 0, state)) {
            harness.runUntilOutcomes(2);
            Outcome.Answered answered = (Outcome.Answered) harness.outcomes().get(1);
            assertThat(answered.event().json()).isEqualTo(json);
            assertThat(control.decoded("events/3/2")).as("tokens").isEqualTo(decoded + 1);
        }
    }

    private static List<Long> offsets(InferenceHarness harness) {
        return harness.outcomes().stream().map(o -> o.origin().position().offset()).toList();
    }

    private static Inbound tombstone(long offset, String key) {
        return new Inbound.Tombstone(origin(offset, key, ""));
    }

    private static Inbound event(long offset, String key, int tokens) throws Exception {
        return request(
                new EventReading(form(tokens).build()), origin(offset, key, "{\"text\":\"x\"}"));
    }

    @Test
    void aTombstoneStaysBehindItsKeysEarlierEventsAndAheadOfItsLaterOnes() throws Exception {
        PipelineOptions options = options().build();
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            harness.send(
                    event(1, "a", 30),
                    event(2, "b", 3),
                    tombstone(3, "a"),
                    event(4, "a", 2),
                    tombstone(5, "c"),
                    tombstone(6, null));
            control.awaitAdded(3);
            control.step(5);
            harness.runUntilOutcomes(3);
            assertThat(offsets(harness)).containsExactly(5L, 6L, 2L);
            state = harness.snapshot();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(3);
            assertThat(offsets(harness)).containsExactly(1L, 3L, 4L);
            assertThat(harness.outcomes().get(1)).isInstanceOf(Outcome.Passed.class);
            assertThat(harness.outcomes().get(1).origin().key()).isEqualTo("a".getBytes(UTF_8));
            assertThat(control.decoded("events/3/4")).as("not answered again").isEqualTo(2);
        }
    }

    @Test
    void inOrderATombstoneWaitsForItsTurn() throws Exception {
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options().ordered(true).build())) {
            harness.send(event(1, "a", 9), tombstone(2, "b"), event(3, "c", 1));
            control.awaitAdded(2);
            control.step(2);
            harness.runMails();
            assertThat(harness.outcomes()).isEmpty();
            control.release();
            harness.runUntilOutcomes(3);
            assertThat(offsets(harness)).containsExactly(1L, 2L, 3L);
        }
    }
}
