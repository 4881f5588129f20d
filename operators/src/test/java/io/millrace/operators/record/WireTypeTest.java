package io.millrace.operators.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.event.EventReading;
import io.millrace.operators.event.TestingEvents;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.TokenLogprobs;
import io.millrace.schemas.TopLogprob;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.RecordType;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.SchemaNormalization;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

class WireTypeTest {
    private static final Inbound REJECTED =
            new Inbound.Rejected(
                    new Origin(
                            "t", new Position.InPartition(1, 2), 3, null, List.of(), new byte[0]),
                    null,
                    FailureCode.UNREADABLE,
                    "ü".repeat(100_000));

    private static <T> T copied(WireType<T> type, T value) throws Exception {
        TypeSerializer<T> serializer = type.createSerializer(new SerializerConfigImpl());
        assertThat(serializer.copy(value)).isSameAs(value);
        DataOutputSerializer out = new DataOutputSerializer(17);
        serializer.serialize(value, out);
        DataOutputSerializer again = new DataOutputSerializer(17);
        serializer.copy(new DataInputDeserializer(out.getCopyOfBuffer()), again);
        DataInputDeserializer in = new DataInputDeserializer(again.getCopyOfBuffer());
        T read = serializer.deserialize(in);
        assertThat(in.available()).isZero();
        return read;
    }

    private static void assertSameOrigin(Origin read, Origin written) {
        assertThat(read).usingRecursiveComparison().isEqualTo(written);
    }

    @Test
    void inboundRecordsKeepEverything() throws Exception {
        Inbound.Request request = TestingRequests.request("a", 17);
        Inbound.Request read = (Inbound.Request) copied(WireType.INBOUND, request);
        assertSameOrigin(read.origin(), request.origin());
        assertThat(read.request()).isEqualTo(request.request());
        assertThat(copied(WireType.INBOUND, REJECTED))
                .usingRecursiveComparison()
                .isEqualTo(REJECTED);
    }

    @Test
    void requestsKeepHowTheyAreRead() throws Exception {
        Inbound.Request request = TestingRequests.request("a", 17);
        Schema released = InferenceRequest.getClassSchema();
        Schema unreleased = SchemaBuilder.record("Mine").fields().requiredString("id").endRecord();
        assertThat(reading(request, Reading.json(RecordType.REQUEST))).hasToString("json request");
        Reading<InferenceRequest> avro =
                reading(request, Reading.avro(RecordType.REQUEST, released, 5));
        assertThat(avro.start()).isEqualTo(5);
        assertThat(avro.writer()).isEqualTo(ofReleased(released));
        // The other side may not know it, and has the request.
        assertThat(reading(request, Reading.avro(RecordType.REQUEST, unreleased, 5))).isNull();
        assertThat(reading(request, null)).isNull();
    }

    @Test
    void eventsKeepTheirFormAndTombstonesNothingButTheirRecord() throws Exception {
        EventReading reading = new EventReading(TestingEvents.form(9).setChat(true).build());
        Inbound.Request event =
                TestingEvents.request(reading, TestingEvents.origin(7, "k", "{\"text\":\"x\"}"));
        Inbound.Request read = (Inbound.Request) copied(WireType.INBOUND, event);
        assertSameOrigin(read.origin(), event.origin());
        assertThat(read.request()).isEqualTo(event.request());
        assertThat(read.event().form()).isEqualTo(reading.form());
        Inbound tombstone = new Inbound.Tombstone(TestingEvents.origin(8, "k", ""));
        assertThat(copied(WireType.INBOUND, tombstone))
                .usingRecursiveComparison()
                .isEqualTo(tombstone);
        Outcome passed = new Outcome.Passed(tombstone.origin(), new RunFacts(1, 0, 0, 4, 0, 6));
        assertThat(copied(WireType.OUTCOME, passed)).usingRecursiveComparison().isEqualTo(passed);
        Outcome.Answered answered =
                new Outcome.Answered(
                        event.origin(),
                        InferenceResult.newBuilder()
                                .setId("a")
                                .setModel("m")
                                .setModelFingerprint("f")
                                .setCompletions(List.of())
                                .setUsage(new Usage(3, 2))
                                .build(),
                        new RunFacts(1, 2, 3, 4, 5, 6),
                        reading.answer(event.request(), true));
        for (Outcome.Computation each : Outcome.Computation.values()) {
            assertThat(copied(WireType.OUTCOME, answered.with(each)))
                    .extracting(other -> ((Outcome.Answered) other).computation())
                    .isEqualTo(each);
        }
        Outcome.Answered back = (Outcome.Answered) copied(WireType.OUTCOME, answered);
        assertThat(back.event().json()).isTrue();
        assertThat(back.event().reading().form()).isEqualTo(reading.form());
        assertThat(back.facts()).isEqualTo(answered.facts());
    }

    private static Schema ofReleased(Schema schema) {
        return Reading.released(RecordType.REQUEST)
                .get(SchemaNormalization.parsingFingerprint64(schema))
                .writer();
    }

    private static Reading<InferenceRequest> reading(
            Inbound.Request request, Reading<InferenceRequest> reading) throws Exception {
        Inbound.Request sent = new Inbound.Request(request.origin(), request.request(), reading);
        Inbound.Request read = (Inbound.Request) copied(WireType.INBOUND, sent);
        assertThat(read.request()).isEqualTo(request.request());
        return read.reading();
    }

    /** A topic's record as releases wrote it whose wire had partition and offset as numbers. */
    private static DataOutputSerializer first(int kind, Origin origin) throws Exception {
        DataOutputSerializer out = new DataOutputSerializer(17);
        out.writeByte(kind);
        Wire.writeString(origin.source(), out);
        out.writeInt(origin.position().partition());
        out.writeLong(origin.position().offset());
        out.writeLong(origin.timestamp());
        out.writeInt(origin.key().length);
        out.write(origin.key());
        out.writeInt(origin.headers().size());
        for (Origin.Header header : origin.headers()) {
            Wire.writeString(header.name(), out);
            out.writeInt(header.value() == null ? -1 : header.value().length);
            out.write(header.value() == null ? new byte[0] : header.value());
        }
        out.writeInt(origin.value().length);
        out.write(origin.value());
        return out;
    }

    /** Records on their way lie in checkpoints. */
    @Test
    void theFirstFormIsRead() throws Exception {
        Inbound.Request request = TestingRequests.request("a", 17);
        DataOutputSerializer out = first(0, request.origin());
        Wire.writeAvro(request.request(), out);
        assertThat(read(InboundSerializer.INSTANCE, out))
                .usingRecursiveComparison()
                .isEqualTo(request);

        Inbound.Rejected rejected =
                new Inbound.Rejected(request.origin(), "a", FailureCode.UNREADABLE, "why");
        out = first(1, rejected.origin());
        Wire.writeString("a", out);
        Wire.writeString("UNREADABLE", out);
        Wire.writeString("why", out);
        assertThat(read(InboundSerializer.INSTANCE, out))
                .usingRecursiveComparison()
                .isEqualTo(rejected);
        assertThat(read(OutcomeSerializer.INSTANCE, out))
                .usingRecursiveComparison()
                .isEqualTo(
                        new Outcome.Failed(
                                request.origin(),
                                "a",
                                FailureCode.UNREADABLE,
                                "why",
                                RunFacts.NONE));
    }

    private static <T> T read(TypeSerializer<T> serializer, DataOutputSerializer written)
            throws Exception {
        DataInputDeserializer in = new DataInputDeserializer(written.getCopyOfBuffer());
        T read = serializer.deserialize(in);
        assertThat(in.available()).isZero();
        return read;
    }

    @Test
    void aKindThatThisReleaseDoesNotKnowIsNamed() {
        byte[] later = {97};
        assertThatThrownBy(
                        () ->
                                InboundSerializer.INSTANCE.deserialize(
                                        new DataInputDeserializer(later)))
                .hasMessageContaining("inbound record: 97");
        assertThatThrownBy(
                        () ->
                                OutcomeSerializer.INSTANCE.deserialize(
                                        new DataInputDeserializer(later)))
                .hasMessageContaining("outcome: 97");
    }

    @Test
    void microBatchesKeepTheirOrder() throws Exception {
        MicroBatch batch = new MicroBatch(List.of(REJECTED, TestingRequests.request("a", 1)));
        MicroBatch read = copied(WireType.MICRO_BATCH, batch);
        assertThat(read.records()).hasSize(2);
        assertThat(read.records().get(0)).isInstanceOf(Inbound.Rejected.class);
    }

    @Test
    void outcomesKeepEverything() throws Exception {
        InferenceResult result =
                new InferenceResult(
                        "a",
                        "model",
                        "fingerprint",
                        List.of(
                                new Completion(
                                        0,
                                        "text",
                                        List.of(1, 2),
                                        "stop",
                                        List.of(
                                                new TokenLogprobs(
                                                        1,
                                                        -0.5f,
                                                        List.of(new TopLogprob(1, -0.5f)))),
                                        null,
                                        null,
                                        null)),
                        new Usage(3, 2),
                        Map.of("k", "v"));
        Outcome.Answered answered =
                new Outcome.Answered(
                        TestingRequests.origin("a"), result, new RunFacts(1, 2, 3, 4, 5, 6));
        Outcome.Answered read = (Outcome.Answered) copied(WireType.OUTCOME, answered);
        assertSameOrigin(read.origin(), answered.origin());
        assertThat(read.result()).isEqualTo(result);
        assertThat(read.facts()).isEqualTo(answered.facts());
        Outcome failed =
                new Outcome.Failed(
                        TestingRequests.origin("b"),
                        "b",
                        FailureCode.EMPTY_PROMPT,
                        "empty",
                        new RunFacts(1, 0, 0, 4, 0, 6));
        assertThat(copied(WireType.OUTCOME, failed)).usingRecursiveComparison().isEqualTo(failed);
    }

    @Test
    void flinkFindsTheTypesByTheirClassAlone() {
        assertThat(TypeInformation.of(Inbound.class)).isSameAs(WireType.INBOUND);
        assertThat(TypeInformation.of(Outcome.class)).isSameAs(WireType.OUTCOME);
    }

    @Test
    void typesAndSerializersSurviveSerialization() throws Exception {
        for (WireType<?> type : List.of(WireType.INBOUND, WireType.MICRO_BATCH, WireType.OUTCOME)) {
            assertThat(InstantiationUtil.clone(type)).isEqualTo(type);
            TypeSerializer<?> serializer = type.createSerializer(new SerializerConfigImpl());
            TypeSerializerSnapshot<?> snapshot = serializer.snapshotConfiguration();
            assertThat(InstantiationUtil.instantiate(snapshot.getClass()).restoreSerializer())
                    .isEqualTo(serializer);
        }
    }
}
