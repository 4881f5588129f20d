package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.schemas.codec.FormatSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** The three topics of one job on a broker, each with a name of its own. */
final class TestingTopics {
    final String bootstrapServers;
    final String input;
    final String output;
    final String deadLetters;

    TestingTopics(String bootstrapServers, String name, int partitions) {
        this.bootstrapServers = bootstrapServers;
        this.input = name + "-in";
        this.output = name + "-out";
        this.deadLetters = name + "-dead";
        try (Topics topics = new Topics(bootstrapServers, Map.of())) {
            topics.createIfAbsent(input, partitions);
            topics.createIfAbsent(output, partitions);
            topics.createIfAbsent(deadLetters, 1);
        }
    }

    /** The options that name them. */
    List<String> options() {
        return List.of(
                "--bootstrap-servers=" + bootstrapServers,
                "--input-topics=" + input,
                "--output-topic=" + output,
                "--dead-letter-topic=" + deadLetters);
    }

    /** Puts requests with ids {@code from} to {@code to - 1} on the input topic. */
    void send(int from, int to, int tokens) {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        ClientProperties.producer(bootstrapServers, Map.of()),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int id = from; id < to; id++) {
                String value =
                        "{\"id\":\"%d\",\"prompt\":\"Dear friend, offer number %d\",\"max_tokens\":%d,\"ignore_eos\":true}"
                                .formatted(id, id, tokens);
                producer.send(new ProducerRecord<>(input, id % partitions(), null, value));
            }
        }
    }

    private int partitions() {
        return 2;
    }

    /** Opens a reader of all that is and will be committed. */
    AnswerReader reader() {
        KafkaArguments kafka =
                Arguments.parse(new KafkaArguments(), "--bootstrap-servers=" + bootstrapServers);
        return new AnswerReader(kafka, FormatSettings.JSON, output, deadLetters, true);
    }

    /** Ids of the answers, in order of arrival, until there are so many or time is up. */
    static List<String> await(AnswerReader reader, List<String> ids, int count, Duration limit) {
        List<String> all = new ArrayList<>(ids);
        long deadline = System.nanoTime() + limit.toNanos();
        while (all.size() < count) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError(
                        "Only " + all.size() + " of " + count + " answers after " + limit);
            }
            reader.poll(Duration.ofMillis(100), item -> all.add(id(item)));
        }
        return all;
    }

    /** Starts the job. */
    interface Start {
        TestingProcess run() throws Exception;
    }

    /**
     * Kills a job after its first answers and resumes it, and expects each request answered once.
     *
     * @return what the resumed one printed until it had stopped in order
     */
    List<String> answeredOnceThroughAKill(
            int requests, int tokens, Duration limit, Start start, Start resume) throws Exception {
        send(0, requests, tokens);
        try (AnswerReader reader = reader()) {
            List<String> ids;
            try (TestingProcess run = start.run()) {
                run.awaitLine("Running.", limit);
                ids = await(reader, List.of(), 17, limit);
                run.kill();
            }
            assertThat(ids).as("answers before the kill").hasSizeLessThan(requests);

            try (TestingProcess run = resume.run()) {
                run.awaitLine("resumes checkpoint", limit);
                ids = await(reader, ids, requests, limit);
                // What would come twice comes with the next checkpoints.
                send(requests, requests + 1, 1);
                ids = await(reader, ids, requests + 1, limit);
                run.awaitLine("Running.", limit);
                run.terminate();
                assertThat(run.exitCode(limit)).isZero();
                assertThat(ids)
                        .containsExactlyInAnyOrderElementsOf(
                                IntStream.rangeClosed(0, requests)
                                        .mapToObj(Integer::toString)
                                        .toList());
                return run.lines();
            }
        }
    }

    private static String id(AnswerReader.Item item) {
        if (item instanceof AnswerReader.Answer answer) {
            return answer.result().getId();
        }
        throw new AssertionError("Not an answer: " + item);
    }
}
