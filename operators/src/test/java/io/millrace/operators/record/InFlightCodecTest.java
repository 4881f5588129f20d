package io.millrace.operators.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingRequests;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.RecordType;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.junit.jupiter.api.Test;

class InFlightCodecTest {
    private final InFlightCodec codec = new InFlightCodec(List.of());

    @Test
    void aRequestComesBackAsItWas() throws Exception {
        Inbound.Request request = TestingRequests.request("a", 17);
        InFlightRequest state = InFlightCodec.toState(request);
        state.setGenerated(List.of(List.of(1, 2, 3), List.of()));
        state.setAttempts(54);
        InFlightRequest read = codec.decode(InFlightCodec.encode(state));
        assertThat(read).isEqualTo(state);
        Inbound.Request back = (Inbound.Request) codec.toInbound(read);
        assertThat(back.request()).isEqualTo(request.request());
        assertThat(back.origin()).usingRecursiveComparison().isEqualTo(request.origin());
    }

    @Test
    void aRejectionComesBackAsItWas() throws Exception {
        Inbound rejected =
                new Inbound.Rejected(
                        TestingRequests.origin("x"), "x", FailureCode.UNKNOWN_FIELD, "why");
        InFlightRequest read = codec.decode(InFlightCodec.encode(InFlightCodec.toState(rejected)));
        assertThat(codec.toInbound(read)).usingRecursiveComparison().isEqualTo(rejected);
    }

    /** As an earlier release would have written it: topics only, and without the last field. */
    private static Schema earlierSchema() {
        Schema now = InFlightRequest.getClassSchema();
        List<Schema.Field> fields = new ArrayList<>();
        for (Schema.Field field : now.getFields()) {
            switch (field.name()) {
                case "source" -> {
                    fields.add(new Schema.Field("topic", field.schema()));
                    fields.add(new Schema.Field("partition", Schema.create(Schema.Type.INT)));
                    fields.add(new Schema.Field("offset", Schema.create(Schema.Type.LONG)));
                }
                case "position", "reading", "cached_tokens" -> {}
                default -> fields.add(new Schema.Field(field, field.schema()));
            }
        }
        return Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false, fields);
    }

    private static byte[] writtenEarlier(Schema earlier) throws Exception {
        InFlightRequest state = InFlightCodec.toState(TestingRequests.request("a", 17));
        GenericRecord record = new GenericData.Record(earlier);
        for (Schema.Field field : earlier.getFields()) {
            record.put(
                    field.name(),
                    switch (field.name()) {
                        case "topic" -> state.getSource();
                        case "partition" -> 3;
                        case "offset" -> 97L;
                        default -> state.get(field.name());
                    });
        }
        return element(1, earlier, record);
    }

    private static byte[] element(int form, Schema schema, GenericRecord record) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(form);
        out.write(0xC3);
        out.write(0x01);
        out.writeBytes(
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(SchemaNormalization.parsingFingerprint64(schema))
                        .array());
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(schema, SpecificData.get()).write(record, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    @Test
    void anEarlierSchemaIsReadByTheOneInTheSavepoint() throws Exception {
        Schema earlier = earlierSchema();
        InFlightCodec knowing =
                new InFlightCodec(List.of(earlier.toString().getBytes(StandardCharsets.UTF_8)));
        InFlightRequest read = knowing.decode(writtenEarlier(earlier));
        assertThat(read.getRequest().getId()).isEqualTo("a");
        assertThat(read.getCachedTokens()).isZero();
        assertThat(knowing.toInbound(read).origin())
                .hasToString("prompts-3@97")
                .usingRecursiveComparison()
                .ignoringFields("position")
                .isEqualTo(TestingRequests.origin("a"));
    }

    @Test
    void aSchemaThatTheSavepointLacksIsNamed() throws Exception {
        byte[] element = writtenEarlier(earlierSchema());
        assertThatThrownBy(() -> codec.decode(element))
                .hasMessageContaining("does not hold the schema");
    }

    @Test
    void anotherFormIsRefusedWithTheRemedy() throws Exception {
        byte[] request =
                InFlightCodec.encode(InFlightCodec.toState(TestingRequests.request("a", 1)));
        // A release that knows the first form only reads this byte, and refuses it so.
        assertThat(request[0]).isEqualTo((byte) 2);
        byte[] model =
                InFlightCodec.encode(new InFlightModel("n", "f", "m", "t", "k", null, 1, "[]"));
        // Unlike this one: after a drain there is nothing else, and an older release starts.
        assertThat(model[0]).isEqualTo((byte) 1);
        for (byte form : new byte[] {0, 3, 97}) {
            request[0] = form;
            assertThatThrownBy(() -> codec.decode(request))
                    .hasMessageContaining("form " + form)
                    .hasMessageContaining("--drain");
            model[0] = form;
            assertThatThrownBy(() -> codec.decodeModel(model))
                    .hasMessageContaining("form " + form)
                    .hasMessageContaining("--drain");
        }
        assertThatThrownBy(() -> codec.decode(new byte[0])).hasMessageContaining("(empty)");
        assertThatThrownBy(() -> codec.decodeModel(new byte[0])).hasMessageContaining("(empty)");
    }

    @Test
    void aLineOfAFileIsTheEqualOfARecordOfATopic() throws Exception {
        Origin topic = TestingRequests.origin("a");
        Inbound line =
                new Inbound.Rejected(
                        new Origin(
                                "corpus/a.jsonl",
                                new Position.Line(54),
                                -1,
                                null,
                                List.of(),
                                topic.value()),
                        null,
                        FailureCode.UNREADABLE,
                        "why");
        InFlightRequest read = codec.decode(InFlightCodec.encode(InFlightCodec.toState(line)));
        assertThat(codec.toInbound(read)).usingRecursiveComparison().isEqualTo(line);
    }

    /** Law 3 holds for what an older release took for a request, too. */
    @Test
    void aRecordThatIsNoRequestAnyMoreIsRejected() throws Exception {
        Origin origin = TestingRequests.origin("{\"id\":\"a\",\"of_another_release\":1}");
        InFlightRequest state =
                InFlightCodec.toState(
                        new Inbound.Request(
                                origin,
                                TestingRequests.request("a", 1).request(),
                                Reading.json(RecordType.REQUEST)));
        state.setGenerated(List.of(List.of(1, 2, 3)));
        InFlightRequest read = codec.decode(InFlightCodec.encode(state));
        assertThat(read.getGenerated()).isEmpty();
        Inbound.Rejected rejected = (Inbound.Rejected) codec.toInbound(read);
        assertThat(rejected.id()).isEqualTo("a");
        assertThat(rejected.code()).isEqualTo(FailureCode.UNKNOWN_FIELD);
        assertThat(rejected.message()).contains("of_another_release");
        assertThat(rejected.origin()).usingRecursiveComparison().isEqualTo(origin);
    }

    @Test
    void aSchemaOfARecordThatTheSavepointLacksIsNamed() throws Exception {
        Schema writer = InferenceRequest.getClassSchema();
        InFlightRequest state =
                InFlightCodec.toState(
                        new Inbound.Request(
                                TestingRequests.origin("a"),
                                TestingRequests.request("a", 1).request(),
                                Reading.avro(RecordType.REQUEST, writer, 5)));
        byte[] element = InFlightCodec.encode(state);
        assertThatThrownBy(() -> codec.decode(element))
                .hasMessageContaining("does not hold the schema")
                .hasMessageContaining("InferenceRequest");
    }

    @Test
    void aPositionOfALaterReleaseIsNamed() throws Exception {
        InFlightRequest state = InFlightCodec.toState(TestingRequests.request("a", 1));
        state.setPosition("row group 17, row 54");
        InFlightRequest read = codec.decode(InFlightCodec.encode(state));
        assertThatThrownBy(() -> codec.toInbound(read))
                .hasMessageContaining("row group 17, row 54");
    }
}
