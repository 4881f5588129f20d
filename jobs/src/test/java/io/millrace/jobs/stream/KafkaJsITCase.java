package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * A client of another language, kafkajs ({@code src/it/kafkajs}), writes prompts and reads answers:
 * gzip, transactions that end either way, keys and headers that are no text. Needs Node.js and npm,
 * which fetches kafkajs; where they are not there the test is left out, unless {@code CI} is set.
 */
@Timeout(400)
class KafkaJsITCase {
    private static final int PARTITIONS = 3;
    private static final int RECORDS = 97;
    private static final HexFormat HEX = HexFormat.of();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Path SOURCE = Path.of("src", "it", "kafkajs");
    private static final Path CLIENT = Path.of("target", "kafkajs");

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(2)
                            .build());

    @TempDir static Path folder;

    /** Not once for the class: a class that is left out is no test that was, for Maven. */
    @BeforeEach
    void installClient() throws Exception {
        Files.createDirectories(CLIENT);
        for (String file : List.of("package.json", "package-lock.json", "client.js")) {
            Files.write(CLIENT.resolve(file), Files.readAllBytes(SOURCE.resolve(file)));
        }
        try {
            run(List.of("node", "--version"), List.of());
            run(List.of("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"), List.of());
        } catch (IOException e) {
            if (System.getenv("CI") != null) {
                throw e;
            }
            Assumptions.abort("No kafkajs; install Node.js and npm: " + e.getMessage());
        }
    }

    /** Runs a program in the client's folder; returns its lines. */
    private static List<String> run(List<String> command, List<String> input) throws Exception {
        Path out = folder.resolve("out.txt");
        Path err = folder.resolve("err.txt");
        Path in = Files.write(folder.resolve("in.txt"), input);
        Process process =
                new ProcessBuilder(command)
                        .directory(CLIENT.toFile())
                        .redirectInput(in.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        try {
            if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(command + " failed or hangs: " + Files.readString(err));
            }
        } finally {
            process.destroyForcibly();
        }
        return Files.readAllLines(out);
    }

    private static List<String> client(EmbeddedKafka kafka, List<String> input, String... arguments)
            throws Exception {
        List<String> command = new ArrayList<>(List.of("node", "client.js", arguments[0]));
        command.add(kafka.bootstrapServers());
        command.addAll(List.of(arguments).subList(1, arguments.length));
        return run(command, input);
    }

    @Test
    void promptsOfKafkaJsAreAnsweredOnceAndItReadsTheAnswersAsTheyAre() throws Exception {
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder.resolve("kafka"))) {
            try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
                for (String topic : List.of("prompts", "answers", "dead")) {
                    topics.createIfAbsent(topic, PARTITIONS);
                }
            }
            client(kafka, prompts(), "produce", "prompts");
            // What a consumer that does not look would take for an answer.
            abort(kafka, "answers");
            TestingJob.run(
                    KafkaSettings.builder()
                            .bootstrapServers(kafka.bootstrapServers())
                            .topics("prompts")
                            .outputTopic("answers")
                            .deadLetterTopic("dead")
                            .applicationId("kafkajs")
                            // The one codec that kafkajs has.
                            .client("compression.type", "gzip")
                            .bounded(true)
                            .build(),
                    2);

            Map<String, ConsumerRecord<byte[], byte[]>> sent = byNumber(read(kafka, "prompts"));
            assertThat(sent).hasSize(RECORDS);
            Map<String, ConsumerRecord<byte[], byte[]>> made =
                    byNumber(
                            Stream.of("answers", "dead")
                                    .flatMap(topic -> read(kafka, topic).stream())
                                    .toList());
            assertThat(made.keySet()).isEqualTo(sent.keySet());
            made.forEach((number, record) -> assertAnswers(record, sent.get(number)));

            List<String> seen =
                    client(kafka, List.of(), "consume", "" + RECORDS, "answers", "dead");
            assertThat(seen.stream().map(KafkaJsITCase::tree))
                    .containsExactlyInAnyOrderElementsOf(
                            made.values().stream().map(KafkaJsITCase::line).toList());
        }
    }

    /** Of 97 that count, a third comes without a transaction; and some that nobody may answer. */
    private static List<String> prompts() {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            lines.add(prompt(i, i % 3 == 0 ? null : "commit"));
            if (i % 5 == 0) {
                lines.add(prompt(RECORDS + i, "abort"));
            }
        }
        return lines;
    }

    private static String prompt(int number, String transaction) {
        ObjectNode line = JSON.createObjectNode().put("transaction", transaction);
        // No text, and none.
        line.put("key", number % 17 == 1 ? null : "00ff" + HEX.toHexDigits(number));
        String value =
                switch (number % 10) {
                    case 7 -> null;
                    case 8 -> "not JSON, 世界 " + number;
                    default ->
                            "{\"id\":\"" + number + "\",\"prompt\":\"Grüße, 世界 " + number + "\"}";
                };
        line.put("value", value == null ? null : hex(value));
        ArrayNode headers = line.putArray("headers");
        headers.addArray().add("number").add(hex("" + number));
        headers.addArray().add("traceparent").add("80fe00");
        headers.addArray().add("mine").add("01");
        headers.addArray().add("mine").add("");
        headers.addArray().add("content-type").add(hex("text/plain"));
        return line.toString();
    }

    private static void abort(EmbeddedKafka kafka, String topic) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                TestingClients.producer(kafka.bootstrapServers(), "aborted", Map.of())) {
            for (int i = 0; i < PARTITIONS; i++) {
                producer.send(new ProducerRecord<>(topic, i, null, new byte[] {1})).get();
            }
            producer.abortTransaction();
        }
    }

    private static void assertAnswers(
            ConsumerRecord<byte[], byte[]> made, ConsumerRecord<byte[], byte[]> sent) {
        assertThat(made.key()).isEqualTo(sent.key());
        if (sent.key() != null) {
            assertThat(made.partition()).as("kafkajs' partition").isEqualTo(sent.partition());
        }
        boolean good = sent.value() != null && sent.value()[0] == '{';
        assertThat(made.topic()).isEqualTo(good ? "answers" : "dead");
        Map<String, List<String>> headers = headers(made);
        Map<String, List<String>> expected = headers(sent);
        List<String> type = expected.put("content-type", List.of(hex("application/json")));
        if (!good) {
            expected.put("millrace.original.content-type", type);
        }
        assertThat(headers).containsAllEntriesOf(expected);
        headers.keySet().removeAll(expected.keySet());
        assertThat(headers.keySet()).allMatch(name -> name.startsWith("millrace."));
    }

    /** By the number that kafkajs gave them in a header: each is there once. */
    private static Map<String, ConsumerRecord<byte[], byte[]>> byNumber(
            List<ConsumerRecord<byte[], byte[]>> records) {
        Map<String, ConsumerRecord<byte[], byte[]>> all = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            String number = new String(record.headers().lastHeader("number").value(), UTF_8);
            assertThat(all.put(number, record)).as("another %s", number).isNull();
        }
        return all;
    }

    private static Map<String, List<String>> headers(ConsumerRecord<byte[], byte[]> record) {
        Map<String, List<String>> all = new TreeMap<>();
        for (Header header : record.headers()) {
            all.computeIfAbsent(header.key(), name -> new ArrayList<>())
                    .add(HEX.formatHex(header.value()));
        }
        return all;
    }

    /** What kafkajs has to print of a record. */
    private static Map<String, Object> line(ConsumerRecord<byte[], byte[]> record) {
        Map<String, Object> line = new TreeMap<>();
        line.put("topic", record.topic());
        line.put("partition", record.partition());
        line.put("key", record.key() == null ? "null" : HEX.formatHex(record.key()));
        line.put("value", HEX.formatHex(record.value()));
        line.put("headers", headers(record));
        return line;
    }

    private static Map<String, Object> tree(String printed) {
        try {
            var record = JSON.readTree(printed);
            Map<String, List<String>> headers = new TreeMap<>();
            record.path("headers")
                    .forEach(
                            header ->
                                    headers.computeIfAbsent(
                                                    header.path(0).asText(),
                                                    name -> new ArrayList<>())
                                            .add(header.path(1).asText()));
            Map<String, Object> line = new TreeMap<>();
            line.put("topic", record.path("topic").asText());
            line.put("partition", record.path("partition").asInt());
            line.put("key", record.path("key").asText());
            line.put("value", record.path("value").asText());
            line.put("headers", headers);
            return line;
        } catch (IOException e) {
            throw new AssertionError(printed, e);
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(EmbeddedKafka kafka, String topic) {
        return TestingClients.committed(kafka.bootstrapServers(), topic);
    }

    private static String hex(String text) {
        return HEX.formatHex(text.getBytes(UTF_8));
    }
}
