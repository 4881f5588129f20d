package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Position;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.DefaultRecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records at the limits of topics and producer, through the sink, against a real broker. */
@Timeout(120)
class KafkaLimitsITCase {

    private static final int TOPIC_LIMIT = 150_000;
    private static final int HEADER_BYTES = 17;
    private static final Outcome.RunFacts FACTS = new Outcome.RunFacts(1, 2, 3, 4, 5, 6);

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
        topics.createIfAbsent("in", 1);
    }

    @AfterAll
    static void stop() {
        topics.close();
        kafka.close();
    }

    private static KafkaSettings.Builder settings(String name, int limit) {
        Map<String, String> limited = Map.of("max.message.bytes", "" + limit);
        topics.createIfAbsent(name + "-out", 1, limited);
        topics.createIfAbsent(name + "-dead", 1, limited);
        return KafkaSettings.builder()
                .bootstrapServers(kafka.bootstrapServers())
                .topics("in")
                .outputTopic(name + "-out")
                .deadLetterTopic(name + "-dead")
                .applicationId(name);
    }

    /** Runs outcomes through the sink; a record that the broker refused would fail the job. */
    private static void write(KafkaSettings settings, List<Outcome> outcomes) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.GENERIC_TYPES, false);
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(1);
        env.enableCheckpointing(100);
        env.fromData(TypeInformation.of(Outcome.class), outcomes.toArray(Outcome[]::new))
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, 1)));
        env.execute();
    }

    @ParameterizedTest
    @ValueSource(strings = {"json", "avro"})
    void resultsUpToTheTopicsLimitPassAndOneByteMoreIsAFailure(String format) throws Exception {
        KafkaSettings settings =
                settings("results-" + format, TOPIC_LIMIT).format(format(format)).build();
        int overhead = TOPIC_LIMIT - resultText(settings, TOPIC_LIMIT, KafkaLimitsITCase::batch);
        List<Outcome> outcomes = new ArrayList<>();
        for (int over = -1; over <= 1; over++) {
            outcomes.add(answered(over, TOPIC_LIMIT - overhead + over));
        }
        write(settings, outcomes);
        assertThat(read(settings.outputTopic()).stream().map(KafkaLimitsITCase::batch))
                .containsExactly(TOPIC_LIMIT - 1, TOPIC_LIMIT);
        List<InferenceFailure> failures = failures(settings);
        assertThat(failures).hasSize(1);
        assertThat(failures.get(0).getCode()).isEqualTo("result_too_large");
        assertThat(failures.get(0).getId()).isEqualTo("1");
        assertThat(failures.get(0).getMessage()).contains(TOPIC_LIMIT + 1 + " bytes");
    }

    @Test
    void failuresUpToTheTopicsLimitAreWholeAndOneByteMoreKeepsTheFirst64KiB() throws Exception {
        KafkaSettings settings = settings("failures", TOPIC_LIMIT).build();
        int size = 100_000;
        write(settings, List.of(failed(0, size)));
        size += TOPIC_LIMIT - batch(read(settings.deadLetterTopic()).get(0));
        write(settings, List.of(failed(-1, size - 1), failed(0, size), failed(1, size + 1)));
        List<ConsumerRecord<byte[], byte[]>> records = read(settings.deadLetterTopic());
        assertThat(records).hasSize(4);
        assertThat(batch(records.get(1))).isEqualTo(TOPIC_LIMIT - 1);
        assertThat(batch(records.get(2))).isEqualTo(TOPIC_LIMIT);
        List<InferenceFailure> failures = failures(settings);
        assertThat(failures.get(1).getOriginal().remaining()).isEqualTo(size - 1);
        assertThat(failures.get(2).getOriginal().remaining()).isEqualTo(size);
        InferenceFailure cut = failures.get(3);
        assertThat(cut.getOriginal().remaining()).isEqualTo(65_536);
        assertThat(cut.getOriginalLength()).isEqualTo(size + 1);
        assertThat(cut.getOffset()).isEqualTo(2001);
        assertThat(cut.getOriginalSha256())
                .isEqualTo(
                        HexFormat.of()
                                .formatHex(
                                        MessageDigest.getInstance("SHA-256")
                                                .digest(bytes(size + 1, 'v'))));
        assertThat(records.get(3).headers().lastHeader("trace")).isNotNull();
    }

    @Test
    void resultsUpToTheProducersLimitPassAndOneByteMoreIsAFailure() throws Exception {
        int limit = 50_000;
        KafkaSettings settings =
                settings("producer", TOPIC_LIMIT).client("max.request.size", "" + limit).build();
        int overhead = limit - resultText(settings, limit, KafkaLimitsITCase::estimate);
        List<Outcome> outcomes = new ArrayList<>();
        for (int over = -1; over <= 1; over++) {
            outcomes.add(answered(over, limit - overhead + over));
        }
        write(settings, outcomes);
        assertThat(read(settings.outputTopic()).stream().map(KafkaLimitsITCase::estimate))
                .containsExactly(limit - 1, limit);
        assertThat(failures(settings))
                .singleElement()
                .satisfies(f -> assertThat(f.getMessage()).contains("raise max.request.size"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "snappy", "lz4", "zstd"})
    void whatCannotBeCompressedDoesNotGrowPastTheLimit(String compression) throws Exception {
        KafkaSettings settings =
                settings(compression, TOPIC_LIMIT)
                        .client("compression.type", compression)
                        .delivery(DeliveryGuarantee.AT_LEAST_ONCE)
                        .format(FormatSettings.AVRO)
                        .build();
        byte[] noise = new byte[TOPIC_LIMIT];
        new java.util.Random(97).nextBytes(noise);
        List<Outcome> outcomes = new ArrayList<>();
        // The largest that is not cut is somewhere among these.
        for (int size = TOPIC_LIMIT - 1200; size < TOPIC_LIMIT; size += 17) {
            byte[] value = Arrays.copyOf(noise, size);
            outcomes.add(
                    new Outcome.Failed(
                            origin(size, value), "1", FailureCode.UNREADABLE, "not Avro", FACTS));
        }
        write(settings, outcomes);
        List<InferenceFailure> failures = failures(settings);
        assertThat(failures).hasSize(outcomes.size());
        assertThat(failures.get(0).getOriginal().remaining()).isEqualTo(TOPIC_LIMIT - 1200);
        assertThat(failures.get(failures.size() - 1).getOriginal().remaining()).isEqualTo(65_536);
    }

    @Test
    void theBrokerRefusesExactlyWhatIsCountedAsTooLarge() throws Exception {
        topics.createIfAbsent("exact", 1, Map.of("max.message.bytes", "20000"));
        int overhead = batch(null, new byte[19_000]) - 19_000;
        for (int over = -1; over <= 0; over++) {
            byte[] value = new byte[20_000 - overhead + over];
            TestingClients.send(
                    kafka.bootstrapServers(), List.of(new ProducerRecord<>("exact", value)));
        }
        byte[] tooLarge = new byte[20_000 - overhead + 1];
        assertThatThrownBy(
                        () ->
                                TestingClients.send(
                                        kafka.bootstrapServers(),
                                        List.of(new ProducerRecord<>("exact", tooLarge))))
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(RecordTooLargeException.class);
        assertThat(read("exact")).hasSize(2);
    }

    /** Size of the generated text with which a result's record counts the limit. */
    private static int resultText(KafkaSettings settings, int limit, Measure measure)
            throws Exception {
        // As large as the limit nearly, so that lengths have as many bytes as they will have.
        int text = limit - 1_000;
        write(settings, List.of(answered(0, text)));
        ConsumerRecord<byte[], byte[]> record = read(settings.outputTopic()).get(0);
        topics.delete(settings.outputTopic());
        topics.createIfAbsent(
                settings.outputTopic(), 1, Map.of("max.message.bytes", "" + TOPIC_LIMIT));
        return text + limit - measure.bytes(record);
    }

    private interface Measure {
        int bytes(ConsumerRecord<byte[], byte[]> record);
    }

    /** What the broker counts. */
    private static int batch(ConsumerRecord<byte[], byte[]> record) {
        return DefaultRecordBatch.sizeInBytes(
                List.of(
                        new SimpleRecord(
                                0, record.key(), record.value(), record.headers().toArray())));
    }

    private static int batch(byte[] key, byte[] value) {
        return DefaultRecordBatch.sizeInBytes(List.of(new SimpleRecord(0, key, value)));
    }

    /** What the producer counts. */
    private static int estimate(ConsumerRecord<byte[], byte[]> record) {
        return AbstractRecords.estimateSizeInBytesUpperBound(
                (byte) 2,
                CompressionType.NONE,
                record.key(),
                record.value(),
                record.headers().toArray());
    }

    private static FormatSettings format(String name) {
        return name.equals("json") ? FormatSettings.JSON : FormatSettings.AVRO;
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        return TestingClients.committed(kafka.bootstrapServers(), topic);
    }

    private static List<InferenceFailure> failures(KafkaSettings settings) throws Exception {
        RecordCodec<InferenceFailure> codec =
                RecordCodec.open(RecordType.FAILURE, settings.format(), null);
        List<InferenceFailure> failures = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : read(settings.deadLetterTopic())) {
            failures.add(codec.decode(record.value()));
        }
        return failures;
    }

    private static Outcome answered(int id, int textBytes) {
        Completion completion =
                new Completion(
                        0,
                        new String(bytes(textBytes, 't'), UTF_8),
                        List.of(),
                        "stop",
                        null,
                        null,
                        null,
                        null);
        InferenceResult result =
                new InferenceResult(
                        // All ids have the same length.
                        Integer.toString(Math.abs(id)),
                        "m",
                        "f",
                        List.of(completion),
                        new Usage(1, 1),
                        null);
        return new Outcome.Answered(origin(id, bytes(54, 'v')), result, FACTS);
    }

    private static Outcome failed(int id, int originalBytes) {
        return new Outcome.Failed(
                origin(id, bytes(originalBytes, 'v')),
                "1",
                FailureCode.UNREADABLE,
                "not JSON",
                FACTS);
    }

    private static Origin origin(int id, byte[] value) {
        return new Origin(
                "in",
                new Position.InPartition(0, 2000 + Math.min(id, 97)),
                System.currentTimeMillis(),
                bytes(97, 'k'),
                List.of(new Origin.Header("trace", bytes(HEADER_BYTES, 'h'))),
                value);
    }

    private static byte[] bytes(int size, char filling) {
        byte[] bytes = new byte[size];
        Arrays.fill(bytes, (byte) filling);
        return bytes;
    }
}
