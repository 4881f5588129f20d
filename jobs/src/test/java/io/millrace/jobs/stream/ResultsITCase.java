package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.Millrace;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command results against a real broker: what it says of dead letters. */
@Timeout(120)
class ResultsITCase {
    private static final String ANSWER =
            "{\"id\":\"%d\",\"model\":\"m\",\"model_fingerprint\":\"f\",\"completions\":[{\"index\":0,"
                    + "\"text\":\"hi\",\"token_ids\":[1],\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}";

    @TempDir static Path folder;
    private static EmbeddedKafka kafka;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(folder);
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent("answers", 2);
            topics.createIfAbsent("dead-letters", 1);
        }
        send("answers", 17, "answers", true);
        send("dead-letters", 3, "committed", true);
        send("dead-letters", 54, "aborted", false);
    }

    @AfterAll
    static void stop() {
        kafka.close();
    }

    /** In one transaction; dead letters are counted, not read. */
    private static void send(String topic, int count, String transaction, boolean commits) {
        try (KafkaProducer<byte[], byte[]> producer =
                TestingClients.producer(kafka.bootstrapServers(), transaction, Map.of())) {
            for (int i = 0; i < count; i++) {
                byte[] value =
                        (topic.equals("answers") ? ANSWER.formatted(i) : "{}").getBytes(UTF_8);
                producer.send(new ProducerRecord<>(topic, value));
            }
            producer.flush();
            if (commits) {
                producer.commitTransaction();
            } else {
                producer.abortTransaction();
            }
        }
    }

    private int results(String... more) {
        List<String> all =
                new ArrayList<>(
                        List.of("results", "--bootstrap-servers=" + kafka.bootstrapServers()));
        all.addAll(List.of(more));
        PrintStream before = System.err;
        PrintStream outBefore = System.out;
        System.setErr(new PrintStream(err, true, UTF_8));
        System.setOut(new PrintStream(out, true, UTF_8));
        try {
            return Millrace.commandLine(null).execute(all.toArray(String[]::new));
        } finally {
            System.setErr(before);
            System.setOut(outBefore);
        }
    }

    @Test
    void itSaysHowManyDeadLettersThereAreAndWhere() {
        assertThat(results("--from-beginning", "--max=17")).isZero();
        assertThat(out.toString(UTF_8).lines()).hasSize(17).contains("0\thi", "16\thi");
        assertThat(err.toString(UTF_8).lines().toList())
                .last()
                .isEqualTo(
                        "3 dead letters are in topic dead-letters: --dead-letters shows what could"
                                + " not be answered, and why");
    }

    @Test
    void ofThoseThatWereThereBeforeItSaysNothingUnlessItReadsFromTheBeginning() {
        assertThat(results("--timeout=1s")).isZero();
        assertThat(err.toString(UTF_8)).isEmpty();
    }

    @Test
    void itSaysSoWhileItFollows() throws Exception {
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent("others", 1);
            topics.createIfAbsent("others-dead", 1);
        }
        CompletableFuture<Integer> followed =
                CompletableFuture.supplyAsync(
                        () ->
                                results(
                                        "--topic=others",
                                        "--dead-letter-topic=others-dead",
                                        "--timeout=15s"));
        while (err.size() == 0 && !followed.isDone()) {
            // Those that come before it has begun are none of its business.
            send("others-dead", 1, "others", true);
            TimeUnit.MILLISECONDS.sleep(200);
        }
        assertThat(followed).isNotDone();
        assertThat(err.toString(UTF_8))
                .containsPattern(
                        "^\\d+ dead letters? (is|are) in topic others-dead since this began: ");
        assertThat(followed.get(60, TimeUnit.SECONDS)).isZero();
    }
}
