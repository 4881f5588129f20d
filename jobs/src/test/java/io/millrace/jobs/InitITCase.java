package io.millrace.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.schemas.codec.avro.AvroTree;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The file that {@code init} makes of a topic runs a job on it. */
@Timeout(240)
class InitITCase {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final Schema MAIL =
            new Schema.Parser()
                    .parse(
                            "{\"type\":\"record\",\"name\":\"Mail\",\"fields\":["
                                    + "{\"name\":\"sender\",\"type\":\"string\"},"
                                    + "{\"name\":\"text\",\"type\":[\"null\",\"string\"]}]}");

    @TempDir private Path folder;

    @Test
    void theFileThatIsMadeOfATopicRunsAJobOnIt() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            String servers = broker.bootstrapServers();
            send(
                    servers,
                    "letters",
                    "{\"mail_id\":1,\"mail\":{\"from\":\"a@b\",\"text\":\"Lowest rates, today!\"}}"
                            .getBytes(UTF_8),
                    "{\"mail_id\":2,\"mail\":{\"from\":\"c@d\",\"text\":\"The server is down.\"}}"
                            .getBytes(UTF_8),
                    null);
            Path config = init(servers, "letters");
            assertThat(config)
                    .content()
                    .contains("from 2 records of letters", "prompt-field: mail.text")
                    .contains("id-from: \"field:mail_id\"", "input-topics: [letters]");
            try (TestingProcess run =
                    TestingProcess.millrace(
                            folder.resolve("data"),
                            "run",
                            "--config=" + config,
                            "--checkpoint-interval=200ms",
                            "--max-tokens=7")) {
                assertThat(await(servers, "letters-answers", 3))
                        .anyMatch(value -> value.contains("\"mail_id\":1,") && answered(value))
                        .anyMatch(value -> value.contains("\"mail_id\":2,") && answered(value));
                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
            }
        }
    }

    @Test
    void recordsInAvroAreReadByTheirSchemas() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            String servers = broker.bootstrapServers();
            GenericRecord mail = new GenericData.Record(MAIL);
            mail.put("sender", "a@b");
            mail.put("text", "Lowest rates, today!");
            send(servers, "mails", single(AvroTree.write(mail, MAIL)));
            assertThat(TestingCommand.run(words(servers, "mails", "-")).all())
                    .contains("is not JSON but", "--format avro");
            Path schema = Files.writeString(folder.resolve("mail.avsc"), MAIL.toString());
            assertThat(init(servers, "mails", "--format=avro", "--input-schema=" + schema))
                    .content()
                    .contains(
                            "prompt-field: text", "format: avro", "input-schema: [" + schema + "]");
        }
    }

    private static boolean answered(String event) {
        return event.contains("\"answer\":\"");
    }

    private Path init(String servers, String topic, String... more) {
        Path config = folder.resolve(topic + ".yaml");
        List<String> words = words(servers, topic, config.toString());
        words.addAll(List.of(more));
        TestingCommand init = TestingCommand.run(words);
        assertThat(init.exitCode()).as(init.all()).isZero();
        return config;
    }

    private static List<String> words(String servers, String topic, String output) {
        return new ArrayList<>(
                List.of(
                        "init",
                        "--topic=" + topic,
                        "--bootstrap-servers=" + servers,
                        "--model=" + TestingProcess.root().resolve("models/triage"),
                        "--output=" + output));
    }

    private static void send(String servers, String topic, byte[]... values) {
        try (Topics topics = new Topics(servers, Map.of())) {
            topics.createIfAbsent(topic, 1);
        }
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        Map.of("bootstrap.servers", servers),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            for (byte[] value : values) {
                producer.send(new ProducerRecord<>(topic, value));
            }
        }
    }

    private static byte[] single(byte[] body) {
        ByteBuffer value = ByteBuffer.allocate(10 + body.length).putShort((short) 0xC301);
        value.order(ByteOrder.LITTLE_ENDIAN)
                .putLong(SchemaNormalization.parsingFingerprint64(MAIL));
        return value.put(body).array();
    }

    /** The values that are committed on a topic, once that are so many. */
    private static List<String> await(String servers, String topic, int count) {
        KafkaArguments kafka =
                Arguments.parse(new KafkaArguments(), "--bootstrap-servers=" + servers);
        try (Topics topics = new Topics(servers, Map.of())) {
            topics.createIfAbsent(topic, 1);
        }
        List<String> values = new ArrayList<>();
        long end = System.nanoTime() + LIMIT.toNanos();
        try (KafkaConsumer<byte[], byte[]> consumer =
                AnswerReader.consumer(kafka, List.of(topic), true)) {
            while (values.size() < count) {
                assertThat(System.nanoTime()).as("%s has %s", topic, values).isLessThan(end);
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(200))) {
                    values.add(record.value() == null ? "null" : new String(record.value(), UTF_8));
                }
            }
        }
        return values;
    }
}
