package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.TestingRegistry;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * The very bytes that clients put on topics, through a real broker and the job, each format and
 * each row of the table of headers in {@code docs/formats.md}.
 */
@Timeout(240)
class FormatsITCase {

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    private static final String SCHEMA_ID = SchemaRef.HEADER;
    private static final UUID GUID = new UUID(17, 97);
    private static final byte[] KEY = {0, 0, 0, 0, 54, 2, (byte) 0xFF};

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;
    private static TestingRegistry registry;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(folder);
        registry = new TestingRegistry();
        registry.put(17, InferenceRequest.getClassSchema().toString(), null);
        registry.put(GUID, InferenceRequest.getClassSchema().toString());
    }

    @AfterAll
    static void stop() {
        registry.close();
        kafka.close();
    }

    /** Record values of one job, with their headers. */
    private static final class Sent {
        final List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        final String topic;

        Sent(String topic) {
            this.topic = topic;
        }

        /** Adds one; headers are name, value, name, ... */
        Sent add(byte[] value, Object... headers) {
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, KEY, value);
            for (int i = 0; i < headers.length; i += 2) {
                record.headers().add((String) headers[i], bytes(headers[i + 1]));
            }
            records.add(record);
            return this;
        }
    }

    private static byte[] bytes(Object value) {
        return value instanceof String text ? text.getBytes(UTF_8) : (byte[]) value;
    }

    /**
     * What one job has made of it: results in the order in which they were ready, failures by
     * offset.
     */
    private record Made(
            FormatSettings format,
            List<ConsumerRecord<byte[], byte[]>> results,
            Map<Long, ConsumerRecord<byte[], byte[]>> failures) {

        void refused(long offset, String code, String message) throws Exception {
            InferenceFailure failure =
                    codec(RecordType.FAILURE).decode(failures.get(offset).value());
            assertThat(failure.getCode()).as(failure.getMessage()).isEqualTo(code);
            assertThat(failure.getMessage()).contains(message);
        }

        List<String> ids() throws Exception {
            List<String> ids = new ArrayList<>();
            for (ConsumerRecord<byte[], byte[]> result : results) {
                ids.add(codec(RecordType.RESULT).decode(result.value()).getId());
            }
            return ids;
        }

        Headers headersOf(String id) throws Exception {
            return results.get(ids().indexOf(id)).headers();
        }

        private <T extends org.apache.avro.specific.SpecificRecordBase> RecordCodec<T> codec(
                RecordType<T> type) throws Exception {
            return RecordCodec.open(type, format, "any");
        }
    }

    private static Made answered(Sent sent, FormatSettings format) throws Exception {
        String results = sent.topic + "-out";
        String failures = sent.topic + "-dead";
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            for (String topic : List.of(sent.topic, results, failures)) {
                topics.createIfAbsent(topic, 1);
            }
        }
        TestingClients.send(kafka.bootstrapServers(), sent.records);
        TestingJob.run(
                KafkaSettings.builder()
                        .bootstrapServers(kafka.bootstrapServers())
                        .topics(sent.topic)
                        .outputTopic(results)
                        .deadLetterTopic(failures)
                        .applicationId(sent.topic)
                        .format(format)
                        .bounded(true)
                        .build(),
                1);
        Made made = new Made(format, read(results), new HashMap<>());
        for (ConsumerRecord<byte[], byte[]> failure : read(failures)) {
            long offset = made.codec(RecordType.FAILURE).decode(failure.value()).getOffset();
            assertThat(made.failures.put(offset, failure)).isNull();
        }
        assertThat(made.results.size() + made.failures.size()).isEqualTo(sent.records.size());
        assertThat(made.results).allMatch(result -> Arrays.equals(result.key(), KEY));
        assertThat(made.failures.values()).allMatch(each -> Arrays.equals(each.key(), KEY));
        return made;
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        return TestingClients.committed(kafka.bootstrapServers(), topic);
    }

    private static byte[] json(String id) {
        return ("{\"id\":\"" + id + "\",\"prompt\":\"hi\"}").getBytes(UTF_8);
    }

    /** Avro's single-object encoding. */
    private static byte[] avro(String id) throws Exception {
        InferenceRequest request = InferenceRequest.newBuilder().setId(id).setPrompt("hi").build();
        return RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null).encode(request);
    }

    private static byte[] binary(String id) throws Exception {
        byte[] avro = avro(id);
        return Arrays.copyOfRange(avro, 10, avro.length);
    }

    private static byte[] schema(int id) {
        return ByteBuffer.allocate(5).put((byte) 0).putInt(id).array();
    }

    private static byte[] schema(UUID guid) {
        return ByteBuffer.allocate(17)
                .put((byte) 1)
                .putLong(guid.getMostSignificantBits())
                .putLong(guid.getLeastSignificantBits())
                .array();
    }

    private static byte[] joined(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length).put(first).put(second).array();
    }

    @Test
    void avrosSingleObjects() throws Exception {
        byte[] unknown = avro("u");
        unknown[2]++;
        Sent sent =
                new Sent("avro")
                        .add(avro("a"))
                        .add(json("b"))
                        .add(joined(schema(17), binary("c")))
                        .add(new byte[] {2, 3})
                        .add(unknown)
                        // Whatever a header says, the value has its own.
                        .add(avro("f"), SCHEMA_ID, schema(GUID));
        Made made = answered(sent, FormatSettings.AVRO);
        assertThat(made.ids()).containsExactlyInAnyOrder("a", "f");
        assertThat(made.results.get(0).value()).startsWith(0xC3, 0x01);
        made.refused(1, "unreadable", "but JSON: use --format json");
        made.refused(2, "unreadable", "but Confluent's wire format");
        made.refused(3, "unreadable", "starts with C3 01");
        made.refused(4, "unknown_schema", "fingerprint");
    }

    @Test
    void confluentsPrefixAndHeader() throws Exception {
        Sent sent =
                new Sent("confluent")
                        .add(joined(schema(17), binary("prefix")))
                        .add(binary("guid"), SCHEMA_ID, schema(GUID))
                        .add(binary("id"), SCHEMA_ID, schema(17))
                        .add(json("b"))
                        .add(avro("c"))
                        .add(joined(schema(18), binary("d")))
                        .add(binary("e"), SCHEMA_ID, schema(new UUID(1, 2)))
                        .add(new byte[] {2}, SCHEMA_ID, schema(GUID));
        FormatSettings format = FormatSettings.confluent(RegistrySettings.of(registry.url()));
        Made made = answered(sent, format);
        assertThat(made.ids()).containsExactlyInAnyOrder("prefix", "guid", "id");
        made.refused(3, "unreadable", "but JSON: use --format json");
        made.refused(4, "unreadable", "but Avro's single-object encoding");
        made.refused(5, "unknown_schema", "18");
        made.refused(6, "unknown_schema", new UUID(1, 2).toString());
        made.refused(7, "unreadable", "");
        for (ConsumerRecord<byte[], byte[]> result : made.results) {
            // An answer has its own schema, in the prefix.
            assertThat(result.value()[0]).isZero();
            assertThat(result.headers().lastHeader(SCHEMA_ID)).isNull();
        }
        Headers headers = made.failures.get(7L).headers();
        assertThat(headers.lastHeader(SCHEMA_ID)).isNull();
        assertThat(headers.lastHeader(RunHeaders.ORIGINAL + SCHEMA_ID).value())
                .isEqualTo(schema(GUID));
    }

    @Test
    void headersAsTheTableSays() throws Exception {
        Object[] headers = {
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "mine",
            new byte[] {0, (byte) 0xFF},
            "mine",
            "again",
            "mine",
            null,
            "__key_schema_id",
            schema(54),
            "__Key_TypeId__",
            "java.lang.Long",
            SCHEMA_ID,
            schema(GUID),
            "content-type",
            "application/vnd.example+json",
            "contentType",
            "text/plain",
            "content-encoding",
            "identity",
            "__TypeId__",
            "com.example.Prompt",
            "__ContentTypeId__",
            "com.example.Prompt",
            "__KeyTypeId__",
            "com.example.Key",
            "ce_specversion",
            "1.0",
            "ce_id",
            "event-17",
            "ce_source",
            "/shop",
            "ce_type",
            "com.example.asked",
            "ce_time",
            "2026-11-29T00:00:00Z",
            "ce_dataschema",
            "https://example.com/prompt",
            "ce_datacontenttype",
            "application/json",
            "ce_dataref",
            "https://example.com/17",
            "ce_sequence",
            "17",
            "ce_sequencetype",
            "Integer",
            "ce_subject",
            "order-17",
            "ce_tenant",
            "97",
        };
        Sent sent = new Sent("headers").add(json("1"), headers).add(json("2")).add(null, headers);
        Made made = answered(sent, FormatSettings.JSON);

        List<String> copied =
                new ArrayList<>(
                        List.of(
                                "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                "mine=" + text(new byte[] {0, (byte) 0xFF}),
                                "mine=again",
                                "mine=null",
                                "__key_schema_id=" + text(schema(54)),
                                "__Key_TypeId__=java.lang.Long",
                                "ce_subject=order-17",
                                "ce_tenant=97",
                                "content-type=application/json",
                                "ce_specversion=1.0",
                                "ce_source=/millrace/headers",
                                "ce_causationid=event-17"));
        List<String> result = new ArrayList<>(copied);
        result.addAll(List.of("ce_type=io.millrace.result", "ce_id=headers/0/0"));
        assertThat(told(made.headersOf("1"))).containsExactlyInAnyOrderElementsOf(result);
        // No event, no headers: none are made.
        assertThat(told(made.headersOf("2"))).isEmpty();

        List<String> failure = new ArrayList<>(copied);
        failure.addAll(List.of("ce_type=io.millrace.failure", "ce_id=headers/0/2"));
        for (int i = 0; i < headers.length; i += 2) {
            String name = (String) headers[i];
            if (name.startsWith("content") || name.matches("__(value_|Type|Content|KeyT).*")) {
                failure.add(RunHeaders.ORIGINAL + name + "=" + text(bytes(headers[i + 1])));
            }
        }
        assertThat(told(made.failures.get(2L).headers()))
                .containsExactlyInAnyOrderElementsOf(failure);
    }

    /** One character a byte. */
    private static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, ISO_8859_1);
    }

    /** All but times and counts of the run. */
    private static List<String> told(Headers headers) {
        List<String> told = new ArrayList<>();
        for (Header header : headers) {
            String text = text(header.value());
            if (header.key().equals("ce_time")) {
                assertThat(text).isGreaterThan("2026-11-29T00:00:00Z");
            } else if (!header.key().startsWith("millrace.")
                    || header.key().startsWith(RunHeaders.ORIGINAL)) {
                told.add(header.key() + "=" + text);
            }
        }
        return told;
    }
}
