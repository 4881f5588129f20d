package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.expected;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Snapshots while requests are in flight, and what is restored of them. */
@Timeout(60)
class InferenceOperatorStateTest extends InferenceOperatorFixture {
    private static final RecordCodec<InferenceRequest> JSON =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);

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

    /**
     * Schemas of records' values go along, whichever subtask they were met by: no registry is asked
     * again.
     */
    @Test
    void requestsAreReadOutOfTheirRecordsAfterARescale() throws Exception {
        PipelineOptions options = options().build();
        Schema unreleased = unreleasedSchema();
        Reading<InferenceRequest> confluent = Reading.avro(RecordType.REQUEST, unreleased, 5);
        Reading<InferenceRequest> json = Reading.json(RecordType.REQUEST);
        List<Inbound.Request> requests = new ArrayList<>();
        for (int i = 0; i < 17; i++) {
            requests.add(
                    i % 2 == 0
                            ? read("r" + i, json, JSON.encode(request("r" + i, 30).request()))
                            : read("r" + i, confluent, confluent(unreleased, "r" + i)));
        }
        control.hold();
        OperatorSubtaskState[] two = new OperatorSubtaskState[2];
        for (int subtask = 0; subtask < 2; subtask++) {
            try (InferenceHarness harness = InferenceHarness.open(options, 2, subtask, null)) {
                for (int i = 0; i < 17; i++) {
                    // What the registry knows is met by the second subtask only.
                    if (i % 2 == subtask) {
                        harness.send(requests.get(i));
                    }
                }
                two[subtask] = harness.snapshot();
            }
        }
        OperatorSubtaskState all = repackaged(two);
        control.release();
        List<String> ids = new ArrayList<>();
        for (int subtask = 0; subtask < 3; subtask++) {
            OperatorSubtaskState state = InferenceHarness.rescaled(all, 2, 3, subtask);
            try (InferenceHarness harness = InferenceHarness.open(options, 3, subtask, state)) {
                harness.runUntil(() -> harness.valve().isEmpty());
                for (Outcome outcome : harness.outcomes()) {
                    String id = TestingRequests.id(outcome);
                    ids.add(id);
                    Inbound.Request sent = requests.get(Integer.parseInt(id.substring(1)));
                    assertThat(outcome.origin().value()).isEqualTo(sent.origin().value());
                    assertThat(completion(outcome).getTokenIds()).isEqualTo(expected(sent));
                }
            }
        }
        assertThat(ids).hasSize(17).doesNotHaveDuplicates();
    }

    private static Inbound.Request read(String id, Reading<InferenceRequest> reading, byte[] value)
            throws Exception {
        Origin origin = TestingRequests.origin(id);
        return new Inbound.Request(
                new Origin(
                        origin.source(),
                        origin.position(),
                        origin.timestamp(),
                        origin.key(),
                        origin.headers(),
                        value),
                reading.read(value),
                reading);
    }

    /** A request's schema with a field that no release has. */
    private static Schema unreleasedSchema() {
        Schema now = InferenceRequest.getClassSchema();
        List<Schema.Field> fields = new ArrayList<>();
        fields.add(new Schema.Field("team", Schema.create(Schema.Type.STRING)));
        for (Schema.Field field : now.getFields()) {
            fields.add(new Schema.Field(field, field.schema()));
        }
        return Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false, fields);
    }

    /** As Confluent's clients write it. */
    private static byte[] confluent(Schema schema, String id) throws Exception {
        InferenceRequest request = request(id, 30).request();
        GenericRecord record = new GenericData.Record(schema);
        record.put("team", "blue");
        for (Schema.Field field : request.getSchema().getFields()) {
            record.put(field.name(), request.get(field.pos()));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[] {0, 0, 0, 0, 97});
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(schema, SpecificData.get()).write(record, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    private static OperatorSubtaskState repackaged(OperatorSubtaskState... states)
            throws Exception {
        return AbstractStreamOperatorTestHarness.repackageState(states);
    }
}
