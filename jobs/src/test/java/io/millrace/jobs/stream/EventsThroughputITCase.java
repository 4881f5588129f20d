package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.InstantEngine;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.InferenceRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Events pass a job nearly as fast as requests do, with an engine that takes no time.
 *
 * <p>With {@code -Dmillrace.events.rows=200000 -Dmillrace.events.report=FILE} it measures: the
 * records a second of both go to FILE.
 */
@Timeout(600)
class EventsThroughputITCase {
    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    private static final int ROWS = Integer.getInteger("millrace.events.rows", 20_000);
    private static final String REPORT = System.getProperty("millrace.events.report");
    private static final int ROUNDS = 3;
    private static final int TOKENS = 12;
    private static final String TEXT = "Lowest mortgage rates, reply today! Number ";

    /**
     * The bar is 0.6 of the speed of requests; on a busy machine rounds differ by more than that.
     */
    private static final double LEAST = 0.4;

    @TempDir static Path folder;

    @Test
    void eventsAreNotMuchSlowerThanRequests() throws Exception {
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder)) {
            EventForm form =
                    EventForm.newBuilder()
                            .setPromptTemplate("{{ event.mail.text }}")
                            .setResultField("answer")
                            .setParameterFields(Map.of())
                            .setDefaults(
                                    InferenceRequest.newBuilder()
                                            .setId("event")
                                            .setMaxTokens(TOKENS)
                                            .build())
                            .build();
            send(kafka, "requests", "{\"id\":\"%d\",\"prompt\":\"%s%d\",\"max_tokens\":12}");
            send(
                    kafka,
                    "events",
                    "{\"id\":%d,\"mail\":{\"text\":\"%s%d\",\"from\":\"a@example.org\"},\"n\":1.10}");
            double requests = 0;
            double events = 0;
            for (int round = 0; round < ROUNDS; round++) {
                requests = Math.max(requests, rate(kafka, "requests", null, round));
                events = Math.max(events, rate(kafka, "events", form, round));
            }
            String measured =
                    "%d records: requests %.0f/s, events %.0f/s, ratio %.2f%n"
                            .formatted(ROWS, requests, events, events / requests);
            if (REPORT != null) {
                Files.writeString(Path.of(REPORT), measured);
            }
            assertThat(events / requests).as(measured).isGreaterThan(LEAST);
        }
    }

    private static void send(EmbeddedKafka kafka, String topic, String value) throws Exception {
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent(topic, 1);
        }
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>(ROWS);
        for (int i = 0; i < ROWS; i++) {
            records.add(
                    new ProducerRecord<>(
                            topic,
                            Integer.toString(i).getBytes(UTF_8),
                            value.formatted(i, TEXT, i).getBytes(UTF_8)));
        }
        TestingClients.send(kafka.bootstrapServers(), records);
    }

    /** Records a second, after the first tenth of them. */
    private static double rate(EmbeddedKafka kafka, String topic, EventForm form, int round)
            throws Exception {
        String name = topic + "-" + round;
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent(name + "-out", 1);
            topics.createIfAbsent(name + "-dead", 1);
        }
        KafkaSettings settings =
                KafkaSettings.builder()
                        .bootstrapServers(kafka.bootstrapServers())
                        .topics(topic)
                        .outputTopic(name + "-out")
                        .deadLetterTopic(name + "-dead")
                        .applicationId(name)
                        .events(form)
                        .bounded(true)
                        .build();
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(1);
        env.enableCheckpointing(1000);
        PipelineOptions options =
                PipelineOptions.builder(
                                InstantEngine.options("../models/triage", name, 256),
                                InstantEngine.loader())
                        .build();
        InferencePipeline.build(env, KafkaPipes.source(settings), "records", options)
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, 1)))
                .uid("answers");
        AtomicLong answered = InstantEngine.answered(name);
        JobClient job = env.executeAsync(name);
        long from = time(answered, ROWS / 10, job);
        long before = answered.get();
        long to = time(answered, ROWS, job);
        job.getJobExecutionResult().get();
        assertThat(TestingClients.committed(kafka.bootstrapServers(), name + "-out")).hasSize(ROWS);
        return (ROWS - before) / ((to - from) / 1e9);
    }

    /** When so many were answered. */
    private static long time(AtomicLong answered, long count, JobClient job) throws Exception {
        while (answered.get() < count) {
            assertThat(job.getJobExecutionResult().isCompletedExceptionally()).isFalse();
            Thread.sleep(1);
        }
        return System.nanoTime();
    }
}
