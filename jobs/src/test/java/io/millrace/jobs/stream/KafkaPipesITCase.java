package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Source, sink and the check of topics against a real broker. */
@Timeout(120)
class KafkaPipesITCase {

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;
    private static Topics topics;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(folder);
        topics = new Topics(kafka.bootstrapServers(), Map.of());
        topics.createIfAbsent("requests", 3);
        topics.createIfAbsent("requests-more", 2);
        topics.createIfAbsent("out", 1, Map.of("max.message.bytes", "12345"));
        topics.createIfAbsent("dead", 1);
    }

    @AfterAll
    static void stop() {
        topics.close();
        kafka.close();
    }

    private static KafkaSettings.Builder settings() {
        return KafkaSettings.builder()
                .bootstrapServers(kafka.bootstrapServers())
                .outputTopic("out")
                .deadLetterTopic("dead")
                .applicationId("app")
                .bounded(true);
    }

    @Test
    void goodAndBadRecordsComeThroughWithTheirKeysHeadersAndTimestamps() throws Exception {
        topics.createIfAbsent("mixed", 1);
        topics.createIfAbsent("mixed-out", 1);
        // The broker's clock there: the request's is in a header.
        topics.createIfAbsent("mixed-dead", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        long yesterday = System.currentTimeMillis() - Duration.ofDays(1).toMillis();
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 97; i++) {
            byte[] value =
                    switch (i % 4) {
                        case 1 -> null;
                        case 2 -> new byte[] {(byte) 0xFF};
                        case 3 -> ("{\"id\":\"" + i + "\",\"promt\":\"\"}").getBytes(UTF_8);
                        default -> ("{\"id\":\"" + i + "\",\"prompt\":\"hi\"}").getBytes(UTF_8);
                    };
            byte[] key = i % 8 == 0 ? null : ("key-" + i).getBytes(UTF_8);
            ProducerRecord<byte[], byte[]> record =
                    new ProducerRecord<>("mixed", null, yesterday + i, key, value);
            record.headers().add("n", ("" + i).getBytes(UTF_8));
            record.headers().add("__TypeId__", "com.example.Prompt".getBytes(UTF_8));
            record.headers().add("secret-17", "s".getBytes(UTF_8));
            records.add(record);
        }
        TestingClients.send(kafka.bootstrapServers(), records);
        abortedRequest("mixed");
        KafkaSettings settings =
                settings()
                        .topics("mixed")
                        .outputTopic("mixed-out")
                        .deadLetterTopic("mixed-dead")
                        .dropHeaders("secret-.*")
                        .build();
        run(settings);

        List<ConsumerRecord<byte[], byte[]>> results = read("mixed-out");
        assertThat(results).hasSize(25);
        for (ConsumerRecord<byte[], byte[]> result : results) {
            int i = Integer.parseInt(new String(result.headers().lastHeader("n").value(), UTF_8));
            assertThat(i % 4).isZero();
            assertThat(result.timestamp()).isEqualTo(yesterday + i);
            assertThat(result.key()).isEqualTo(records.get(i).key());
            assertThat(new String(result.value(), UTF_8)).startsWith("{\"id\":\"" + i + "\"");
            assertThat(result.headers().lastHeader(RunHeaders.ATTEMPTS).value())
                    .isEqualTo("6".getBytes(UTF_8));
            assertRequestTime(result, yesterday + i);
            assertThat(result.headers().lastHeader("__TypeId__")).isNull();
            assertThat(result.headers().lastHeader("secret-17")).isNull();
        }
        RecordCodec<InferenceFailure> codec =
                RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
        List<ConsumerRecord<byte[], byte[]>> failures = read("mixed-dead");
        assertThat(failures).hasSize(72);
        for (ConsumerRecord<byte[], byte[]> record : failures) {
            InferenceFailure failure = codec.decode(record.value());
            int i = (int) failure.getOffset();
            assertThat(failure.getTopic()).isEqualTo("mixed");
            assertThat(failure.getCode()).isEqualTo(i % 4 == 3 ? "unknown_field" : "unreadable");
            assertThat(failure.getId()).isEqualTo(i % 4 == 3 ? "" + i : null);
            assertThat(record.key()).isEqualTo(records.get(i).key());
            assertThat(record.timestamp()).isGreaterThan(yesterday + 97);
            assertRequestTime(record, yesterday + i);
            assertThat(record.headers().lastHeader(RunHeaders.FINISHED_MS)).isNotNull();
            assertThat(record.headers().lastHeader("__TypeId__")).isNull();
            assertThat(record.headers().lastHeader("secret-17")).isNull();
        }
    }

    private static void assertRequestTime(ConsumerRecord<byte[], byte[]> record, long time) {
        assertThat(record.headers().lastHeader(RunHeaders.REQUEST_TIMESTAMP_MS).value())
                .isEqualTo(Long.toString(time).getBytes(UTF_8));
    }

    /** Sends a request in a transaction that is aborted: nobody may answer it. */
    private static void abortedRequest(String topic) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                TestingClients.producer(kafka.bootstrapServers(), "aborted", Map.of())) {
            producer.send(new ProducerRecord<>(topic, "{\"id\":\"never\"}".getBytes(UTF_8))).get();
            producer.abortTransaction();
        }
    }

    @Test
    void readsTopicsOfAPatternFromATimestampOn() throws Exception {
        for (String topic : List.of("tenant-a", "tenant-b")) {
            topics.createIfAbsent(topic, 1);
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = 0; i < 17; i++) {
                byte[] value = ("{\"id\":\"" + topic + i + "\",\"prompt\":\"\"}").getBytes(UTF_8);
                records.add(new ProducerRecord<>(topic, null, 1_700_000_000_000L + i, null, value));
            }
            TestingClients.send(kafka.bootstrapServers(), records);
        }
        topics.createIfAbsent("tenants-out", 1);
        KafkaSettings settings =
                settings()
                        .topicPattern("tenant-.")
                        .outputTopic("tenants-out")
                        .start(StartingPoint.timestamp(1_700_000_000_012L))
                        .build();
        assertThat(TopicLimits.read(settings, 2).inputPartitions()).isEqualTo(2);
        run(settings);
        assertThat(read("tenants-out")).hasSize(10);
    }

    @Test
    void readsTheLimitsOfTopicsBrokerAndProducer() {
        KafkaSettings settings = settings().topics("requests", "requests-more").build();
        TopicLimits limits = TopicLimits.read(settings, 5);
        assertThat(limits.inputPartitions()).isEqualTo(5);
        assertThat(limits.output().maxMessageBytes()).isEqualTo(12_345);
        assertThat(limits.deadLetter().maxMessageBytes()).isEqualTo(1_048_588);
        assertThat(limits.maxRequestBytes()).isEqualTo(1_048_576);
        assertThat(limits.transactionTimeoutMs()).isEqualTo(900_000);
        assertThat(limits.output().newestMs()).isEqualTo(3_600_000);
        assertThat(limits.output().compressed()).isFalse();
    }

    @Test
    void saysWhatCannotWork() {
        topics.createIfAbsent("compacted", 1, Map.of("cleanup.policy", "compact"));
        topics.createIfAbsent("narrow", 1, Map.of("max.message.bytes", "2000"));
        refused(settings().topics("requests", "requests-more"), 6)
                .hasMessageContaining("requests, requests-more has 5 partitions, fewer than the")
                .hasMessageEndingWith(
                        "parallelism of 6: lower the parallelism, or add partitions:\n"
                                + "kafka-topics.sh --bootstrap-server "
                                + kafka.bootstrapServers()
                                + " --alter --topic requests --partitions 4");
        refused(settings().topics("missing"), 1)
                .hasMessageStartingWith("Topic missing does not exist at 127.0.0.1:")
                .hasMessageContaining("create it");
        refused(settings().topics("requests").deadLetterTopic("lost"), 1)
                .hasMessageStartingWith("Topic lost does not exist");
        KafkaSettings.Builder lacking =
                settings().topics("lost-in", "requests").outputTopic("lost-out");
        refused(lacking.deadLetterTopic("lost-dead"), 7)
                .hasMessageStartingWith("Topics lost-dead, lost-in and lost-out do not exist at")
                .hasMessageEndingWith(
                        ": create them with --create-topics, or by hand:\n"
                                + "for t in lost-dead lost-in lost-out; do kafka-topics.sh --bootstrap-server "
                                + kafka.bootstrapServers()
                                + " --create --topic $t --partitions 7; done");
        assertThat(TopicLimits.create(lacking.build(), 7))
                .containsExactly("lost-dead", "lost-in", "lost-out");
        assertThat(TopicLimits.create(lacking.build(), 7)).isEmpty();
        assertThat(TopicLimits.read(lacking.build(), 7).output().partitions()).isEqualTo(7);
        refused(settings().topics("requests", "out"), 1)
                .hasMessageContaining("Topic out is written and read by the same job");
        refused(settings().topicPattern("requests|de.d"), 1)
                .hasMessageContaining("Topic dead is written and read by the same job");
        refused(settings().topicPattern("nothing-.*"), 1)
                .hasMessageContaining("No topic matches the pattern nothing-.*");
        refused(settings().topics("requests").outputTopic("compacted"), 1)
                .hasMessageContaining("Topic compacted is compacted");
        refused(settings().topics("requests").outputTopic("narrow"), 1)
                .hasMessageContaining("at most 2000 bytes (max.message.bytes)");
        refused(settings().topics("requests").client("transaction.timeout.ms", "900001"), 1)
                .hasMessageContaining("above the brokers' transaction.max.timeout.ms of 900000");
    }

    @Test
    @Timeout(50)
    void saysThatNobodyAnswersWithinItsPatience() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
            String address = "127.0.0.1:" + silent.getLocalPort();
            refused(
                            settings()
                                    .topics("requests")
                                    .bootstrapServers(address)
                                    .client("default.api.timeout.ms", "2000")
                                    .client("request.timeout.ms", "1000"),
                            1)
                    .hasMessageStartingWith("Kafka at " + address + " does not answer: check the");
        }
    }

    private static org.assertj.core.api.AbstractThrowableAssert<?, ?> refused(
            KafkaSettings.Builder settings, int parallelism) {
        return assertThatThrownBy(() -> TopicLimits.read(settings.build(), parallelism))
                .isInstanceOf(KafkaSetupException.class)
                .hasNoCause();
    }

    private static void run(KafkaSettings settings) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.GENERIC_TYPES, false);
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(1);
        env.enableCheckpointing(200);
        env.fromSource(KafkaPipes.source(settings), WatermarkStrategy.noWatermarks(), "requests")
                .map(KafkaPipesITCase::outcome)
                .returns(Outcome.class)
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, 1)));
        env.execute();
    }

    private static Outcome outcome(Inbound inbound) {
        if (inbound instanceof Inbound.Rejected rejected) {
            return new Outcome.Failed(
                    rejected.origin(),
                    rejected.id(),
                    rejected.code(),
                    rejected.message(),
                    new Outcome.RunFacts(1, 0, 0, 4, 0, 6));
        }
        InferenceResult result =
                new InferenceResult(
                        ((Inbound.Request) inbound).request().getId(),
                        "m",
                        "f",
                        List.of(),
                        new Usage(1, 0),
                        null);
        return new Outcome.Answered(
                inbound.origin(), result, new Outcome.RunFacts(1, 2, 3, 4, 5, 6));
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        return TestingClients.committed(kafka.bootstrapServers(), topic);
    }
}
