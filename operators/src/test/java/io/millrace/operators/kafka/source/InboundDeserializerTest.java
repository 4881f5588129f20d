package io.millrace.operators.kafka.source;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.millrace.operators.event.TestingEvents;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.registry.RegistryException;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.io.ByteArrayOutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
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
    void readsATopicWithTwoVersionsMixed() throws Exception {
        String ours = InferenceRequest.getClassSchema().toString();
        // A release to come: one field more, in the middle.
        Schema later =
                new Schema.Parser()
                        .parse(
                                ours.replaceFirst(
                                        "\\{\"name\":\"prompt\",",
                                        "{\"name\":\"later\",\"type\":\"string\",\"default\":\"\"},$0"));
        HttpServer registry = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        registry.createContext(
                "/schemas/ids/",
                exchange -> {
                    boolean first = exchange.getRequestURI().getPath().endsWith("/1");
                    String schema = first ? ours : later.toString();
                    byte[] body = new ObjectMapper().writeValueAsBytes(Map.of("schema", schema));
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                    exchange.close();
                });
        registry.start();
        try {
            FormatSettings format =
                    FormatSettings.confluent(
                            RegistrySettings.of(
                                    "http://127.0.0.1:" + registry.getAddress().getPort()));
            for (int i = 0; i < 17; i++) {
                Schema written = i % 2 == 0 ? new Schema.Parser().parse(ours) : later;
                GenericRecord request = new GenericData.Record(written);
                request.put("id", "" + i);
                request.put("prompt", "hi");
                if (i % 2 == 1) {
                    request.put("later", "unknown to this release");
                }
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                out.writeBytes(new byte[] {0, 0, 0, 0, (byte) (1 + i % 2)});
                Encoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
                new GenericDatumWriter<GenericRecord>(written).write(request, encoder);
                Inbound inbound = read(format, out.toByteArray());
                assertThat(inbound).isInstanceOf(Inbound.Request.class);
                InferenceRequest read = ((Inbound.Request) inbound).request();
                assertThat(read.getId()).isEqualTo("" + i);
                assertThat(read.getPrompt()).isEqualTo("hi");
            }
        } finally {
            registry.stop(0);
        }
    }

    @Test
    void failsTheTaskWhereTheRegistryDoesNotAnswer() throws Exception {
        // Has a port and does not listen, so that nobody else does.
        try (Socket deaf = new Socket()) {
            deaf.bind(new InetSocketAddress("127.0.0.1", 0));
            FormatSettings format =
                    FormatSettings.confluent(
                            RegistrySettings.of("http://127.0.0.1:" + deaf.getLocalPort()));
            assertThatThrownBy(() -> read(format, new byte[] {0, 0, 0, 0, 1, 0}))
                    .isInstanceOf(RegistryException.class)
                    .hasMessageContaining("does not answer");
            assertThat(read(format, new byte[] {'{', '}'})).isInstanceOf(Inbound.Rejected.class);
        }
    }

    private static Inbound event(EventForm form, String value) {
        return read(FormatSettings.JSON, form, value == null ? null : value.getBytes(UTF_8));
    }

    @Test
    void makesRequestsOfEvents() {
        Inbound.Request read =
                (Inbound.Request) event(TestingEvents.form(9).build(), "{\"text\":\"hi\"}");
        assertThat(read.request().getPrompt()).isEqualTo("hi");
        assertThat(read.request().getId()).isEqualTo("prompts/3/97");
        assertThat(read.reading()).isNull();
        assertThat(read.event()).isNotNull();
    }

    @Test
    void anEventThatIsNoneIsRejectedWithItsReason() {
        Inbound.Rejected rejected =
                (Inbound.Rejected) event(TestingEvents.form(9).build(), "{\"txt\":\"hi\"}");
        assertThat(rejected.code()).isEqualTo(FailureCode.EMPTY_PROMPT);
        assertThat(rejected.id()).isEqualTo("prompts/3/97");
        assertThat(rejected.origin().value()).isEqualTo("{\"txt\":\"hi\"}".getBytes(UTF_8));
    }

    @Test
    void anEventWithoutAValuePasses() {
        assertThat(event(TestingEvents.form(9).build(), null))
                .isInstanceOf(Inbound.Tombstone.class);
        String deleted =
                "{\"before\":{\"a\":\"" + "x".repeat(20_000) + "\"},\"after\":null,\"op\":\"d\"}";
        Inbound passing = event(TestingEvents.form(9).setUnwrap("debezium").build(), deleted);
        assertThat(passing).isInstanceOf(Inbound.Tombstone.class);
        assertThat(passing.origin().value()).isEqualTo(deleted.getBytes(UTF_8));
    }

    @Test
    void longEventsAndThoseThatRenderLongAreReadByOthers() throws Exception {
        String text = "x".repeat(20_000);
        Inbound.Unread unread =
                (Inbound.Unread)
                        event(TestingEvents.form(9).build(), "{\"text\":\"" + text + "\"}");
        assertThat(((Inbound.Request) unread.read()).request().getPrompt()).isEqualTo(text);
        EventForm slow =
                TestingEvents.form(9)
                        .setPromptField(null)
                        .setPromptTemplate("{% for i in range(30000) %}{{ event.a }}{% endfor %}")
                        .build();
        Inbound.Unread rendered = (Inbound.Unread) event(slow, "{\"a\":1}");
        assertThat(((Inbound.Request) rendered.read()).request().getPrompt()).hasSize(30_000);
        Inbound.Rejected rejected =
                (Inbound.Rejected) ((Inbound.Unread) event(slow, "{\"b\":1}")).read();
        assertThat(rejected.code()).isEqualTo(FailureCode.TEMPLATE_FAILED);
    }

    private static Inbound read(FormatSettings format, byte[] value) {
        return read(format, null, value);
    }

    private static Inbound read(FormatSettings format, EventForm form, byte[] value) {
        InboundDeserializer deserializer = new InboundDeserializer(format, form, List.of());
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
