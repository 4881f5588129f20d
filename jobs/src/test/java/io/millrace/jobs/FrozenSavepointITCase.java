package io.millrace.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.StreamingJob;
import io.millrace.jobs.stream.TestingClients;
import io.millrace.jobs.stream.TestingClients.TestingReader;
import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.source.StartingPoint;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A whole savepoint as each release wrote it, kept for good: {@code frozen/savepoint/N} among the
 * test resources, of a job with requests in flight. Made by hand, once for each release, with
 * {@code -Dmillrace.freeze=N}; never overwritten.
 */
@Timeout(120)
class FrozenSavepointITCase {
    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    private static final Path FOLDER = Path.of("src/test/resources/frozen/savepoint");
    private static final int SAVED = 17;
    private static final int MORE = 3;
    private static final int TOKENS = 30;
    private static final int TOKENS_SAVED = 7;

    @TempDir Path folder;

    static IntStream releases() {
        return IntStream.iterate(1, n -> Files.isDirectory(FOLDER.resolve("" + n)), n -> n + 1);
    }

    @ParameterizedTest
    @MethodSource("releases")
    void aSavepointOfEveryReleaseIsResumed(int release) throws Exception {
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder.resolve("kafka"))) {
            Map<String, String> undisturbed = undisturbed(kafka);
            assertThat(undisturbed).hasSize(SAVED + MORE);

            KafkaSettings settings = settings(kafka, "frozen");
            // What the savepoint has read must not be read again: it would be dead letters.
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = 0; i < SAVED; i++) {
                records.add(new ProducerRecord<>("frozen", "no request".getBytes(UTF_8)));
            }
            records.addAll(requests("frozen", SAVED, SAVED + MORE));
            TestingClients.send(kafka.bootstrapServers(), records);
            Configuration restore = new Configuration();
            restore.set(
                    StateRecoveryOptions.SAVEPOINT_PATH,
                    FOLDER.resolve("" + release).toUri().toString());
            String engine = "savepoint-" + release;
            JobClient job = start(settings, engine, restore);
            Map<String, String> answers = answers(kafka, "frozen-out", SAVED + MORE);
            assertThat(answers).isEqualTo(undisturbed);
            assertThat(TestingClients.committed(kafka.bootstrapServers(), "frozen-dead")).isEmpty();
            for (int i = 0; i < SAVED; i++) {
                assertThat(TestingControl.of(engine).decoded("r" + i))
                        .isEqualTo(TOKENS - TOKENS_SAVED);
            }
            job.cancel().get();
        }
    }

    private Map<String, String> undisturbed(EmbeddedKafka kafka) throws Exception {
        KafkaSettings settings = settings(kafka, "undisturbed");
        TestingClients.send(kafka.bootstrapServers(), requests("undisturbed", 0, SAVED + MORE));
        JobClient job = start(settings, "undisturbed", new Configuration());
        Map<String, String> answers = answers(kafka, "undisturbed-out", SAVED + MORE);
        job.cancel().get();
        return answers;
    }

    private static List<ProducerRecord<byte[], byte[]>> requests(String topic, int from, int to) {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = from; i < to; i++) {
            String value =
                    "{\"id\":\"r%d\",\"prompt\":\"prompt %d\",\"max_tokens\":%d,\"ignore_eos\":true}"
                            .formatted(i, i, TOKENS);
            records.add(
                    new ProducerRecord<>(
                            topic, ("key " + i).getBytes(UTF_8), value.getBytes(UTF_8)));
        }
        return records;
    }

    private static KafkaSettings settings(EmbeddedKafka kafka, String name) {
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            for (String topic : List.of(name, name + "-out", name + "-dead")) {
                topics.createIfAbsent(topic, 1);
            }
        }
        return KafkaSettings.builder()
                .bootstrapServers(kafka.bootstrapServers())
                .topics(name)
                .outputTopic(name + "-out")
                .deadLetterTopic(name + "-dead")
                .applicationId(name)
                .start(StartingPoint.EARLIEST)
                .build();
    }

    private static JobClient start(KafkaSettings kafka, String engine, Configuration more)
            throws Exception {
        Configuration settings = new Configuration();
        settings.set(PipelineOptions.GENERIC_TYPES, false);
        settings.set(PipelineOptions.AUTO_GENERATE_UIDS, false);
        settings.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        // One file holds all of it.
        settings.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.parse("1mb"));
        settings.addAll(more);
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment(settings);
        environment.enableCheckpointing(200);
        StreamingJob.define(
                environment,
                io.millrace.operators.options.PipelineOptions.builder(
                                TestingEngine.options(engine), TestingEngine.loader())
                        .build(),
                kafka,
                TopicLimits.read(kafka, 1),
                1);
        return environment.executeAsync(engine);
    }

    /** Keys and values of the answers, by key. */
    private static Map<String, String> answers(EmbeddedKafka kafka, String topic, int count) {
        Map<String, String> answers = new TreeMap<>();
        int read = 0;
        try (TestingReader reader = new TestingReader(kafka.bootstrapServers(), topic)) {
            while (read < count) {
                for (ConsumerRecord<byte[], byte[]> record : reader.toTheEnd()) {
                    answers.put(new String(record.key(), UTF_8), new String(record.value(), UTF_8));
                    read++;
                }
            }
        }
        assertThat(read).isEqualTo(count);
        return answers;
    }

    @Test
    @EnabledIfSystemProperty(named = "millrace.freeze", matches = "\\d+")
    void freezesASavepointOfThisRelease() throws Exception {
        Path target = FOLDER.resolve(System.getProperty("millrace.freeze"));
        assertThat(target).as("frozen: freeze the next number").doesNotExist();
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder.resolve("kafka"))) {
            KafkaSettings settings = settings(kafka, "frozen");
            TestingClients.send(kafka.bootstrapServers(), requests("frozen", 0, SAVED));
            TestingControl control = TestingControl.of("freeze").hold();
            JobClient job = start(settings, "freeze", new Configuration());
            control.awaitAdded(SAVED);
            control.step(TOKENS_SAVED);
            String savepoint =
                    job.stopWithSavepoint(
                                    false,
                                    folder.resolve("savepoints").toUri().toString(),
                                    SavepointFormatType.CANONICAL)
                            .get();
            control.release();
            Files.createDirectories(target);
            try (Stream<Path> files = Files.list(Path.of(new URI(savepoint)))) {
                for (Path file : files.toList()) {
                    Files.copy(file, target.resolve(file.getFileName()));
                }
            }
            assertThat(target.toFile().list()).containsExactly("_metadata");
        }
    }
}
