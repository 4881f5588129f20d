package io.millrace.operators.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingRequests;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightRequest;
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
        Inbound.Request back = (Inbound.Request) InFlightCodec.toInbound(read);
        assertThat(back.request()).isEqualTo(request.request());
        assertThat(back.origin()).usingRecursiveComparison().isEqualTo(request.origin());
    }

    @Test
    void aRejectionComesBackAsItWas() throws Exception {
        Inbound rejected =
                new Inbound.Rejected(
                        TestingRequests.origin("x"), "x", FailureCode.UNKNOWN_FIELD, "why");
        InFlightRequest read = codec.decode(InFlightCodec.encode(InFlightCodec.toState(rejected)));
        assertThat(InFlightCodec.toInbound(read)).usingRecursiveComparison().isEqualTo(rejected);
    }

    /** As an earlier release would have written it: without the last field. */
    private static Schema earlierSchema() {
        Schema now = InFlightRequest.getClassSchema();
        List<Schema.Field> fields = new ArrayList<>();
        for (Schema.Field field : now.getFields()) {
            if (!field.name().equals("cached_tokens")) {
                fields.add(new Schema.Field(field, field.schema()));
            }
        }
        return Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false, fields);
    }

    private static byte[] writtenEarlier(Schema earlier) throws Exception {
        InFlightRequest state = InFlightCodec.toState(TestingRequests.request("a", 17));
        GenericRecord record = new GenericData.Record(earlier);
        for (Schema.Field field : earlier.getFields()) {
            record.put(field.name(), state.get(field.name()));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(1);
        out.write(0xC3);
        out.write(0x01);
        out.writeBytes(
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(SchemaNormalization.parsingFingerprint64(earlier))
                        .array());
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(earlier, SpecificData.get()).write(record, encoder);
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
    }

    @Test
    void aSchemaThatTheSavepointLacksIsNamed() throws Exception {
        byte[] element = writtenEarlier(earlierSchema());
        assertThatThrownBy(() -> codec.decode(element))
                .hasMessageContaining("does not hold the schema");
    }

    @Test
    void anotherFormIsRefusedWithTheRemedy() throws Exception {
        byte[] element =
                InFlightCodec.encode(InFlightCodec.toState(TestingRequests.request("a", 1)));
        element[0] = 0;
        assertThatThrownBy(() -> codec.decode(element))
                .hasMessageContaining("form 0")
                .hasMessageContaining("--drain");
        assertThatThrownBy(() -> codec.decode(new byte[0])).hasMessageContaining("(empty)");
    }
}
