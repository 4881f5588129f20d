package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.TestingRegistry;
import io.millrace.schemas.codec.avro.AvroTree;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Events in Avro, through a real broker and the job, with a registry and without. */
@Timeout(240)
class AvroEventsITCase {

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    private static final Schema FIRST =
            parse(
                    "{\"type\":\"record\",\"name\":\"Mail\",\"fields\":["
                            + "{\"name\":\"text\",\"type\":\"string\"},"
                            + "{\"name\":\"size\",\"type\":\"long\"}]}");
    private static final Schema SECOND =
            parse(
                    "{\"type\":\"record\",\"name\":\"Mail\",\"fields\":["
                            + "{\"name\":\"text\",\"type\":\"string\"},"
                            + "{\"name\":\"size\",\"type\":\"long\"},"
                            + "{\"name\":\"desk\",\"type\":\"string\",\"default\":\"none\"}]}");

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(folder);
    }

    @AfterAll
    static void stop() {
        kafka.close();
    }

    private static Schema parse(String json) {
        return new Schema.Parser().parse(json);
    }

    private static EventForm.Builder form() {
        return EventForm.newBuilder()
                .setPromptTemplate("{{ event.text }} of {{ event.size }}")
                .setResultField("answer")
                .setParameterFields(Map.of())
                .setDefaults(InferenceRequest.newBuilder().setId("event").setMaxTokens(5).build());
    }

    private static byte[] mail(Schema schema, String text, String desk) {
        GenericRecord mail = new GenericData.Record(schema);
        mail.put("text", text);
        mail.put("size", 1L << 60);
        if (desk != null) {
            mail.put("desk", desk);
        }
        return AvroTree.write(mail, schema);
    }

    private static byte[] after(ByteBuffer prefix, byte[] body) {
        return ByteBuffer.allocate(prefix.capacity() + body.length)
                .put(prefix.rewind())
                .put(body)
                .array();
    }

    private static byte[] single(Schema schema, byte[] body) {
        ByteBuffer prefix = ByteBuffer.allocate(10).putShort((short) 0xC301);
        prefix.order(ByteOrder.LITTLE_ENDIAN)
                .putLong(SchemaNormalization.parsingFingerprint64(schema));
        return after(prefix, body);
    }

    private static byte[] confluent(int id, byte[] body) {
        return after(ByteBuffer.allocate(5).put((byte) 0).putInt(id), body);
    }

    /** Answered events in their order, failures by offset. */
    private record Made(List<byte[]> answered, Map<Long, InferenceFailure> failures) {}

    private static Made answered(KafkaSettings.Builder settings, String topic, List<byte[]> events)
            throws Exception {
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            for (String each : List.of(topic, topic + "-out", topic + "-dead")) {
                topics.createIfAbsent(each, 1);
            }
        }
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        events.forEach(
                event -> records.add(new ProducerRecord<>(topic, "k".getBytes(UTF_8), event)));
        TestingClients.send(kafka.bootstrapServers(), records);
        KafkaSettings job =
                settings.bootstrapServers(kafka.bootstrapServers())
                        .topics(topic)
                        .outputTopic(topic + "-out")
                        .deadLetterTopic(topic + "-dead")
                        .applicationId(topic)
                        .bounded(true)
                        .build();
        TestingJob.run(job, 1);
        Made made = new Made(new ArrayList<>(), new HashMap<>());
        for (ConsumerRecord<byte[], byte[]> record :
                TestingClients.committed(kafka.bootstrapServers(), topic + "-out")) {
            made.answered.add(record.value());
        }
        RecordCodec<InferenceFailure> codec =
                RecordCodec.open(RecordType.FAILURE, job.format(), "any");
        for (ConsumerRecord<byte[], byte[]> record :
                TestingClients.committed(kafka.bootstrapServers(), topic + "-dead")) {
            InferenceFailure failure = codec.decode(record.value());
            made.failures.put(failure.getOffset(), failure);
        }
        return made;
    }

    @Test
    void singleObjectsOfAllSchemasAreWrittenByOne() throws Exception {
        byte[] cut = single(SECOND, mail(SECOND, "cut", "it"));
        Made made =
                answered(
                        KafkaSettings.builder()
                                .format(FormatSettings.AVRO)
                                .events(form().setReaderSchema(SECOND.toString()).build())
                                .inputSchemas(List.of(FIRST.toString(), SECOND.toString())),
                        "single",
                        List.of(
                                single(FIRST, mail(FIRST, "old", null)),
                                single(SECOND, mail(SECOND, "new", "it")),
                                single(Schema.create(Schema.Type.LONG), new byte[] {2}),
                                java.util.Arrays.copyOf(cut, cut.length - 1),
                                "{\"text\":\"json\"}".getBytes(UTF_8)));
        Schema derived =
                parse(
                        SECOND.toString()
                                .replace("}]}", "},{\"name\":\"answer\",\"type\":\"string\"}]}"));
        assertThat(made.answered).hasSize(2);
        List<String> desks = new ArrayList<>();
        for (byte[] value : made.answered) {
            assertThat(ByteBuffer.wrap(value).getShort()).isEqualTo((short) 0xC301);
            assertThat(ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong(2))
                    .isEqualTo(SchemaNormalization.parsingFingerprint64(derived));
            Map<String, Object> mail = AvroTree.tree(AvroTree.read(derived, derived, value, 10));
            assertThat(mail).containsKey("answer").containsEntry("size", 1L << 60);
            desks.add((String) mail.get("desk"));
        }
        assertThat(desks).containsExactlyInAnyOrder("none", "it");
        assertThat(made.failures.keySet()).containsExactlyInAnyOrder(2L, 3L, 4L);
        assertThat(made.failures.get(2L).getCode()).isEqualTo("unknown_schema");
        assertThat(made.failures.get(2L).getMessage()).contains("none of the 2 of --input-schema");
        assertThat(made.failures.get(3L).getCode()).isEqualTo("unreadable");
        assertThat(made.failures.get(4L).getMessage()).contains("but JSON: use --format json");
    }

    @Test
    void aRegistryGetsTheSchemaOfEachKindOfEvent() throws Exception {
        try (TestingRegistry registry = new TestingRegistry()) {
            registry.put(1, FIRST.toString(), null);
            registry.put(2, SECOND.toString(), null);
            Made made =
                    answered(
                            KafkaSettings.builder()
                                    .format(
                                            FormatSettings.confluent(
                                                    RegistrySettings.of(registry.url())))
                                    .events(form().build()),
                            "confluent",
                            List.of(
                                    confluent(1, mail(FIRST, "old", null)),
                                    confluent(2, mail(SECOND, "new", "it")),
                                    confluent(3, mail(SECOND, "unknown", "it"))));
            assertThat(made.answered).hasSize(2);
            Map<String, Object> desks = new HashMap<>();
            for (byte[] value : made.answered) {
                Schema derived = parse(registry.schema(ByteBuffer.wrap(value).getInt(1)));
                Map<String, Object> mail = AvroTree.tree(AvroTree.read(derived, derived, value, 5));
                assertThat(mail).containsKey("answer");
                desks.put((String) mail.get("text"), mail.get("desk"));
            }
            assertThat(desks).containsEntry("old", null).containsEntry("new", "it");
            assertThat(made.failures.get(2L).getCode()).isEqualTo("unknown_schema");
        }
    }
}
