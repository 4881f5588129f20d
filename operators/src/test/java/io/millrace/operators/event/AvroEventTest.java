package io.millrace.operators.event;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.avro.AvroTree;
import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

/** Events in Avro: as requests, in state, and with their answers. */
class AvroEventTest {
    private static final String JSON =
            "{\"type\":\"record\",\"name\":\"Mail\",\"fields\":["
                    + "{\"name\":\"text\",\"type\":\"string\"},"
                    + "{\"name\":\"n\",\"type\":\"int\"}]}";
    private static final Schema SCHEMA = new Schema.Parser().parse(JSON);

    private static byte[] bytes() {
        GenericRecord mail = new GenericData.Record(SCHEMA);
        mail.put("text", "Dear shop");
        mail.put("n", 9);
        byte[] body = AvroTree.write(mail, SCHEMA);
        byte[] value = new byte[5 + body.length];
        System.arraycopy(body, 0, value, 5, body.length);
        return value;
    }

    private static Origin origin() {
        return new Origin("mails", new Position.InPartition(2, 97), 17, null, List.of(), bytes());
    }

    private static EventReading reading(EventForm form) {
        return new EventReading(form, SCHEMA, 5);
    }

    @Test
    void aRequestIsMadeOfItsFields() throws Exception {
        EventForm form =
                TestingEvents.form(54).setParameterFields(Map.of("max_tokens", "n")).build();
        InferenceRequest request = reading(form).read(origin().asEvent());
        assertThat(request.getPrompt()).isEqualTo("Dear shop");
        assertThat(request.getMaxTokens()).isEqualTo(9);
        assertThat(request.getId()).isEqualTo("mails/2/97");
    }

    @Test
    void itIsRestoredWithItsSchemaAndItsForm() throws Exception {
        EventReading reading = reading(TestingEvents.form(54).build());
        Inbound.Request sent = TestingEvents.request(reading, origin());
        InFlightRequest state = InFlightCodec.toState(sent);
        state.setGenerated(List.of(List.of(1, 2)));
        List<byte[]> schemas = InFlightCodec.schemas(Stream.of(sent), 0);
        assertThat(schemas.stream().map(each -> new String(each, UTF_8)))
                .contains(SCHEMA.toString());
        InFlightCodec codec = new InFlightCodec(schemas);
        InFlightRequest read = codec.decode(InFlightCodec.encode(state));
        Inbound.Request back = (Inbound.Request) codec.toInbound(read);
        assertThat(back.request()).isEqualTo(sent.request());
        assertThat(back.event().writer()).isEqualTo(SCHEMA);
        assertThat(back.event().start()).isEqualTo(5);
        assertThat(back.event().form()).isEqualTo(reading.form());
    }

    @Test
    void anAnswerIsAStringOrMany() throws Exception {
        EventReading one = reading(TestingEvents.form(9).build());
        byte[] written = one.answered(origin().asEvent(), List.of("hi"), false);
        assertThat(AvroTree.tree(AvroTree.read(one.output(), one.output(), written, 0)))
                .containsEntry("answer", "hi")
                .containsEntry("n", 9);
        EventForm many = TestingEvents.form(9).build();
        many.getDefaults().setN(2);
        EventReading two = reading(many);
        assertThat(
                        AvroTree.tree(
                                AvroTree.read(
                                        two.output(),
                                        two.output(),
                                        two.answered(origin().asEvent(), List.of("a", "b"), false),
                                        0)))
                .containsEntry("answer", List.of("a", "b"));
        assertThat(
                        catchThrowableOfType(
                                        CodecException.class,
                                        () -> one.answered(origin().asEvent(), List.of("{"), true))
                                .code())
                .isEqualTo(FailureCode.GENERATION_FAILED);
    }

    @Test
    void anEventWhoseSchemaHasNoPlaceForTheAnswerIsRefused() {
        EventReading reading = reading(TestingEvents.form(9).setResultField("n").build());
        CodecException e =
                catchThrowableOfType(CodecException.class, () -> reading.read(origin().asEvent()));
        assertThat(e).hasMessageContaining("schema Mail has a field n already");
        assertThat(e.code()).isEqualTo(FailureCode.INVALID_PARAMETER);
        assertThat(e.id()).isEqualTo("mails/2/97");
    }
}
