package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A whole job whose disk is full, and then whose broker is away: what its terminal says. */
@Timeout(240)
class TroubleITCase {
    private static final Duration LIMIT = Duration.ofSeconds(100);
    private static final int REQUESTS = 17;

    @TempDir Path folder;
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @AfterEach
    void makeRoom() {
        TestingDisk.setFull(false);
    }

    @Test
    void troubleIsOneLineWhenItBeginsAndOneWhenItEnds() throws Exception {
        Path data = folder.resolve("kafka");
        String checkpoints = TestingDisk.SCHEME + ":" + folder.resolve("checkpoints");
        EmbeddedKafka broker = EmbeddedKafka.start(data);
        String address = broker.bootstrapServers();
        try (Topics topics = new Topics(address, Map.of())) {
            List.of("prompts", "answers", "dead-letters")
                    .forEach(topic -> topics.createIfAbsent(topic, 2));
        }
        JobArguments arguments =
                Arguments.parse(
                        new JobArguments(),
                        "--model=" + Path.of("../models/triage").toAbsolutePath().normalize(),
                        "--device=cpu",
                        "--bootstrap-servers=" + address,
                        "--checkpoint-interval=200ms");
        Progress progress = new Progress(new PrintStream(printed, true, UTF_8));
        try (EmbeddedJob job = new EmbeddedJob(arguments, checkpoints, 0, progress)) {
            job.start();
            CompletableFuture<Boolean> end = CompletableFuture.supplyAsync(() -> await(job));
            awaitLine("Running.");

            TestingDisk.setFull(true);
            awaitLine("checkpoints fail");
            send(address);
            TimeUnit.SECONDS.sleep(2);
            assertThat(TestingClients.committed(address, "answers")).isEmpty();
            TestingDisk.setFull(false);
            awaitLine("checkpoints succeed again");
            assertThat(lines())
                    .filteredOn(line -> line.contains("checkpoints fail"))
                    .containsExactly(
                            "State   checkpoints fail: No space left on device (writing to "
                                    + checkpoints
                                    + "/millrace). No answer is committed until one succeeds.");
            awaitAnswers(address, REQUESTS);

            broker.close();
            awaitLine("no broker answers");
            broker = EmbeddedKafka.start(data, port(address), Map.of());
            awaitLine("brokers answer again");
            assertThat(lines())
                    .filteredOn(line -> line.startsWith("Kafka"))
                    .filteredOn(line -> line.contains("answer"))
                    .hasSize(3)
                    .anyMatch(line -> line.contains("-> answers, dead-letters"))
                    .contains(
                            "Kafka   no broker answers at "
                                    + address
                                    + ". Prompts and answers wait; the job goes on by itself.")
                    .anyMatch(
                            line ->
                                    line.startsWith(
                                            "Kafka   brokers answer again at "
                                                    + address
                                                    + ", after "));
            send(address);
            awaitAnswers(address, 2 * REQUESTS);

            job.requestStop();
            assertThat(end.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(lines()).noneMatch(line -> line.startsWith("Failure"));
        } finally {
            broker.close();
        }
    }

    private static boolean await(EmbeddedJob job) {
        try {
            return job.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int port(String address) {
        return Integer.parseInt(address.substring(address.indexOf(':') + 1));
    }

    private static void send(String address) throws Exception {
        TestingClients.send(
                address,
                IntStream.range(0, REQUESTS)
                        .mapToObj(i -> "{\"id\":\"" + i + "\",\"prompt\":\"Hi\",\"max_tokens\":3}")
                        .map(
                                json ->
                                        new ProducerRecord<byte[], byte[]>(
                                                "prompts", json.getBytes(UTF_8)))
                        .toList());
    }

    private static void awaitAnswers(String address, int count) throws Exception {
        long start = System.nanoTime();
        while (TestingClients.committed(address, "answers").size() < count) {
            assertThat(System.nanoTime() - start).isLessThan(LIMIT.toNanos());
            TimeUnit.MILLISECONDS.sleep(200);
        }
    }

    private List<String> lines() {
        return printed.toString(UTF_8).lines().toList();
    }

    private void awaitLine(String part) throws InterruptedException {
        long start = System.nanoTime();
        while (lines().stream().noneMatch(line -> line.contains(part))) {
            assertThat(System.nanoTime() - start)
                    .as("no line with '%s' in %s", part, lines())
                    .isLessThan(LIMIT.toNanos());
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }
}
