package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Prompts in Kafka, answers in Kafka, a failure in the middle: exactly one answer each. */
@Timeout(180)
class ExactlyOnceITCase {

    private static final int PROMPTS = 2_000;
    private static final int TOKENS = 17;
    private static final int PARALLELISM = 2;

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(PARALLELISM)
                            .build());

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(folder);
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent("prompts", 4);
            for (String name : List.of("failing", "smooth")) {
                topics.createIfAbsent(name + "-answers", 3);
                topics.createIfAbsent(name + "-dead", 1);
            }
        }
        List<ProducerRecord<byte[], byte[]>> prompts = new ArrayList<>();
        for (int i = 0; i < PROMPTS; i++) {
            String json =
                    "{\"id\":\"%d\",\"prompt\":\"prompt %d\",\"max_tokens\":%d,\"ignore_eos\":true}";
            // Some are long records, which are read by another thread and saved elsewhere.
            String space = i % 17 == 0 ? " ".repeat(20_000) : "";
            byte[] value = (String.format(json, i, i % 97, TOKENS) + space).getBytes(UTF_8);
            prompts.add(new ProducerRecord<>("prompts", ("key-" + i).getBytes(UTF_8), value));
        }
        TestingClients.send(kafka.bootstrapServers(), prompts);
    }

    @AfterAll
    static void stop() {
        kafka.close();
    }

    @Test
    void answersEachPromptOnceAcrossAFailureAndWithTheSameBytes(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        CompletableFuture<JobID> job = new CompletableFuture<>();
        AtomicInteger inFlightAtFailure = new AtomicInteger();
        TestingControl control = TestingControl.of("failing").stepTime(Duration.ofMillis(2));
        control.failAt(
                "" + PROMPTS / 2,
                TOKENS / 2,
                () -> {
                    inFlightAtFailure.set(inFlight(control));
                    awaitTwoCheckpoints(cluster, job.join());
                    return new IllegalStateException("The failure that this test is about.");
                });
        JobClient running = run("failing");
        job.complete(running.getJobID());
        running.getJobExecutionResult().get(120, TimeUnit.SECONDS);

        List<ConsumerRecord<byte[], byte[]>> answers = read("failing-answers");
        assertThat(control.loads()).isGreaterThanOrEqualTo(2);
        assertThat(inFlightAtFailure.get()).isGreaterThanOrEqualTo(30);
        // The engine stood still during two checkpoints: all that was in flight is in the second.
        long restored = answers.stream().filter(ExactlyOnceITCase::isRestored).count();
        assertThat(restored).isGreaterThanOrEqualTo(inFlightAtFailure.get());
        assertThat(read("failing-dead")).isEmpty();
        assertThat(answers).hasSize(PROMPTS);
        Map<String, String> byId = byId(answers);
        assertThat(byId).hasSize(PROMPTS);

        run("smooth").getJobExecutionResult().get(120, TimeUnit.SECONDS);
        assertThat(byId(read("smooth-answers"))).isEqualTo(byId);
    }

    private static JobClient run(String name) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        // The subtasks share the engine that fails, and each is a failure of its own.
        configuration.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3 * PARALLELISM);
        configuration.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(10));
        configuration.set(org.apache.flink.configuration.PipelineOptions.AUTO_GENERATE_UIDS, false);
        configuration.set(org.apache.flink.configuration.PipelineOptions.GENERIC_TYPES, false);
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(PARALLELISM);
        env.enableCheckpointing(200);
        KafkaSettings settings =
                KafkaSettings.builder()
                        .bootstrapServers(kafka.bootstrapServers())
                        .topics("prompts")
                        .outputTopic(name + "-answers")
                        .deadLetterTopic(name + "-dead")
                        .applicationId(name)
                        .bounded(true)
                        .build();
        PipelineOptions options =
                PipelineOptions.builder(TestingEngine.options(name), TestingEngine.loader())
                        .maxInFlightRequests(97)
                        .build();
        InferencePipeline.build(env, KafkaPipes.source(settings), "prompts", options)
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, PARALLELISM)))
                .uid("answers");
        return env.executeAsync(name);
    }

    /** Requests that the engine has taken and not finished. */
    private static int inFlight(TestingControl control) {
        return (int)
                control.added().stream()
                        .map(GenerationRequest::id)
                        .filter(id -> control.decoded(id) < TOKENS)
                        .count();
    }

    private static void awaitTwoCheckpoints(MiniCluster cluster, JobID job) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        long first = completedCheckpoints(cluster, job);
        while (completedCheckpoints(cluster, job) < first + 2) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("no checkpoint while the engine stands still");
            }
        }
    }

    private static long completedCheckpoints(MiniCluster cluster, JobID job) {
        try {
            return cluster.getExecutionGraph(job)
                    .get(30, TimeUnit.SECONDS)
                    .getCheckpointStatsSnapshot()
                    .getCounts()
                    .getNumberOfCompletedCheckpoints();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isRestored(ConsumerRecord<byte[], byte[]> answer) {
        byte[] attempts = answer.headers().lastHeader(RunHeaders.ATTEMPTS).value();
        return Integer.parseInt(new String(attempts, UTF_8)) > 0;
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        return TestingClients.committed(kafka.bootstrapServers(), topic);
    }

    /** Key and value of each answer. */
    private static Map<String, String> byId(List<ConsumerRecord<byte[], byte[]>> answers)
            throws Exception {
        var codec = RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
        Map<String, String> byId = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> answer : answers) {
            String text = new String(answer.key(), UTF_8) + " " + new String(answer.value(), UTF_8);
            byId.put(codec.decode(answer.value()).getId(), text);
        }
        return byId;
    }
}
