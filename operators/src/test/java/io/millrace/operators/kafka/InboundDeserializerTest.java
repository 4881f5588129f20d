package io.millrace.operators.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.Inbound;
import io.millrace.operators.Origin;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.RecordType;
import io.millrace.schemas.codec.RegistryException;
import io.millrace.schemas.codec.RegistrySettings;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;

class InboundDeserializerTest {

    private static final byte[] KEY = {1, 2, 3};

    @Test
    void keepsWhereTheRecordCameFrom() {
        byte[] value = "{\"id\":\"1\",\"prompt\":\"hi\"}".getBytes(UTF_8);
        Inbound inbound = read(FormatSettings.JSON, value);
        assertThat(inbound).isInstanceOf(Inbound.Request.class);
        assertThat(((Inbound.Request) inbound).request().getPrompt()).isEqualTo("hi");
        Origin origin = inbound.origin();
        assertThat(origin.toString()).isEqualTo("prompts-3@97");
        assertThat(origin.timestamp()).isEqualTo(54);
        assertThat(origin.key()).isEqualTo(KEY);
        assertThat(origin.value()).isEqualTo(value);
        assertThat(origin.headers()).extracting(Origin.Header::name).containsExactly("a", "b", "a");
        assertThat(origin.headers().get(1).value()).isNull();
    }

    @Test
    void rejectsATombstone() {
        Inbound.Rejected rejected = (Inbound.Rejected) read(FormatSettings.JSON, null);
        assertThat(rejected.code()).isEqualTo(FailureCode.UNREADABLE);
        assertThat(rejected.message()).contains("tombstone");
        assertThat(rejected.origin().value()).isEmpty();
    }

    @Test
    void rejectsWithCodeMessageAndIdWhereItIsReadable() {
        byte[] value = "{\"promt\":\"hi\",\"id\":\"17\"}".getBytes(UTF_8);
        Inbound.Rejected rejected = (Inbound.Rejected) read(FormatSettings.JSON, value);
        assertThat(rejected.code()).isEqualTo(FailureCode.UNKNOWN_FIELD);
        assertThat(rejected.message()).contains("promt", "prompt?");
        assertThat(rejected.id()).isEqualTo("17");
        assertThat(rejected.origin().value()).isEqualTo(value);
    }

    @Test
    void neverThrowsOnRandomBytes() {
        Random random = new Random(17);
        for (FormatSettings format : List.of(FormatSettings.JSON, FormatSettings.AVRO)) {
            for (int i = 0; i < 1023; i++) {
                byte[] value = new byte[random.nextInt(97)];
                random.nextBytes(value);
                assertThat(read(format, value)).isInstanceOf(Inbound.Rejected.class);
            }
        }
    }

    @Test
    void readsAvro() {
        InferenceRequest request =
                InferenceRequest.newBuilder().setId("1").setPromptTokenIds(List.of(17, 54)).build();
        byte[] value =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null).encode(request);
        assertThat(((Inbound.Request) read(FormatSettings.AVRO, value)).request())
                .isEqualTo(request);
    }

    @Test
    void failsTheTaskWhereTheRegistryDoesNotAnswer() throws Exception {
        int free;
        try (ServerSocket socket = new ServerSocket(0)) {
            free = socket.getLocalPort();
        }
        FormatSettings format =
                FormatSettings.confluent(RegistrySettings.of("http://127.0.0.1:" + free));
        assertThatThrownBy(() -> read(format, new byte[] {0, 0, 0, 0, 1, 0}))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("does not answer");
        assertThat(read(format, new byte[] {'{', '}'})).isInstanceOf(Inbound.Rejected.class);
    }

    private static Inbound read(FormatSettings format, byte[] value) {
        InboundDeserializer deserializer = new InboundDeserializer(format);
        deserializer.open(null);
        RecordHeaders headers = new RecordHeaders();
        headers.add("a", new byte[] {1}).add("b", null).add("a", new byte[] {2});
        List<Inbound> out = new ArrayList<>();
        deserializer.deserialize(
                new ConsumerRecord<>(
                        "prompts",
                        3,
                        97,
                        54,
                        TimestampType.CREATE_TIME,
                        3,
                        value == null ? -1 : value.length,
                        KEY,
                        value,
                        headers,
                        Optional.empty()),
                new ListCollector<>(out));
        assertThat(out).hasSize(1);
        return out.get(0);
    }
}
