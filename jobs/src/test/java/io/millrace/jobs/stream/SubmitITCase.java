package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.Millrace;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command submit against a real broker: what is left out, and that the rest is sent. */
@Timeout(120)
class SubmitITCase {
    private static final int TOPIC_LIMIT = 20_000;

    @TempDir static Path shared;
    private static EmbeddedKafka kafka;
    private static Topics topics;

    @TempDir Path folder;
    private final StringWriter err = new StringWriter();
    private String told;
    private String printed;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(shared);
        topics = new Topics(kafka.bootstrapServers(), Map.of());
    }

    @AfterAll
    static void stop() {
        topics.close();
        kafka.close();
    }

    private int submit(String topic, Path file, String... more) {
        topics.createIfAbsent(topic, 1, Map.of("max.message.bytes", "" + TOPIC_LIMIT));
        List<String> all =
                new ArrayList<>(
                        List.of(
                                "submit",
                                "--bootstrap-servers=" + kafka.bootstrapServers(),
                                "--topic=" + topic,
                                file.toString()));
        all.addAll(List.of(more));
        PrintStream out = System.out;
        PrintStream before = System.err;
        ByteArrayOutputStream progress = new ByteArrayOutputStream();
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        System.setOut(new PrintStream(progress, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(lines, true, StandardCharsets.UTF_8));
        try {
            return Millrace.commandLine(null)
                    .setErr(new PrintWriter(err, true))
                    .execute(all.toArray(String[]::new));
        } finally {
            System.setOut(out);
            System.setErr(before);
            told = lines.toString(StandardCharsets.UTF_8);
            printed = progress.toString(StandardCharsets.UTF_8);
        }
    }

    private static String line(String id, int length) {
        return "{\"id\":\"%s\",\"prompt\":\"%s\"}\n".formatted(id, "x".repeat(length));
    }

    private Path file(byte[]... lines) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] each : lines) {
            all.writeBytes(each);
        }
        return Files.write(folder.resolve("in.jsonl"), all.toByteArray());
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private List<String> ids(String topic) {
        return TestingClients.committed(kafka.bootstrapServers(), topic).stream()
                .map(record -> new String(record.key(), StandardCharsets.UTF_8))
                .toList();
    }

    @Test
    void aLineInAnotherEncodingIsNamedAndTheRestIsSent() throws Exception {
        byte[] latin1 =
                "{\"id\":\"3\",\"prompt\":\"caf\u00e9\"}\n".getBytes(StandardCharsets.ISO_8859_1);
        Path file = file(utf8(line("1", 1) + "\n" + "no JSON\n"), latin1, utf8(line("5", 1)));
        assertThat(submit("latin", file)).isEqualTo(1);
        assertThat(told.lines())
                .hasSize(2)
                .anyMatch(each -> each.startsWith("line 3: "))
                .contains("line 4: it is not UTF-8 at byte 24 (0xe9): convert it first");
        assertThat(printed).contains("2 requests are on topic latin", "2 bad lines were left out");
        assertThat(ids("latin")).containsExactly("1", "5");
    }

    @Test
    void whatTheJobWouldRefuseIsToldWithAllItsFaultsAndTheRestIsSent() throws Exception {
        String lines =
                "{\"id\":\"1\",\"prompt\":\"a\",\"max_completion_tokens\":5,"
                        + "\"top_k\":\"7\",\"constraint\":{\"regex\":\"a+\",\"choice\":[\"a\"]},\"temperature\":-1}\n"
                        + line("2", 3)
                        + "{\"id\":\"3\",\"messages\":{},\"n\":0}\n";
        assertThat(submit("faults", file(utf8(lines)))).isEqualTo(1);
        assertThat(told.lines())
                .containsExactly(
                        "line 1: unknown field max_completion_tokens: write max_tokens",
                        "line 1: field top_k must be a whole number, not text: write 7 without"
                                + " quotes",
                        "line 1: constraint has 2 of choice, regex and json_schema; set one.",
                        "line 1: temperature is -1.0; it must be from 0 to 100.",
                        "line 3: field messages must be an array, not an object",
                        "line 3: n is 0; it must be from 1 to 64.");
        assertThat(printed).contains("1 requests are on topic faults", "2 bad lines were left out");
        assertThat(ids("faults")).containsExactly("2");
    }

    @Test
    void anOptionThatNoRequestMayHaveIsToldToo() throws Exception {
        assertThat(submit("option", file(utf8("hi\n")), "--text", "--max-tokens=0")).isEqualTo(1);
        assertThat(told).startsWith("line 1: max_tokens is 0; it must be at least 1.");
        assertThat(ids("option")).isEmpty();
    }

    @Test
    void aMissingTopicComesWithALineThatCanBePasted() throws Exception {
        Path settings =
                Files.writeString(
                        folder.resolve("client.properties"), "security.protocol=PLAINTEXT\n");
        int exit =
                Millrace.commandLine(null)
                        .setErr(new PrintWriter(err, true))
                        .execute(
                                "results",
                                "--bootstrap-servers=" + kafka.bootstrapServers(),
                                "--kafka-config=" + settings,
                                "--topic=not-there");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString().lines())
                .containsExactly(
                        "millrace: Topic not-there does not exist at "
                                + kafka.bootstrapServers()
                                + ": create it:",
                        "kafka-topics.sh --bootstrap-server "
                                + kafka.bootstrapServers()
                                + " --command-config "
                                + settings
                                + " --create --topic not-there --partitions 4");
    }

    @Test
    void aLineThatIsLargerThanARecordMayBeIsNamedAndTheRestIsSent() throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i <= 7; i++) {
            lines.append(line("r" + i, i == 4 ? 1_200_000 : i == 6 ? TOPIC_LIMIT : 1));
        }
        assertThat(submit("large", file(utf8(lines.toString())))).isEqualTo(1);
        assertThat(told.lines())
                .hasSize(2)
                .anyMatch(each -> each.startsWith("line 4: "))
                .anyMatch(
                        each ->
                                each.startsWith("line 6: the record has 20,")
                                        && each.contains("topic large takes 20,000"));
        assertThat(ids("large")).containsExactly("r1", "r2", "r3", "r5", "r7");
    }

    @Test
    void recordsNearTheLimitAreSentWhateverTheBatchSize() throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 54; i++) {
            lines.append(line("near" + i, TOPIC_LIMIT - 105 - i % 17));
        }
        int exit = submit("near", file(utf8(lines.toString())), "-K", "batch.size=1000000");
        assertThat(exit).as(told + err).isZero();
        assertThat(ids("near")).hasSize(54).doesNotHaveDuplicates();
    }

    @Test
    void whatOnlyTheBrokerCanRefuseIsNamedTooAndTheRestIsSent() throws Exception {
        java.util.Random random = new java.util.Random(17);
        StringBuilder noise = new StringBuilder();
        while (noise.length() < 60_000) {
            noise.append((char) ('!' + random.nextInt(90))); // little to compress
        }
        String prompt = noise.toString().replace("\"", "'").replace("\\", "/");
        String lines =
                line("small", 1)
                        + line("compresses", 300_000)
                        + "{\"id\":\"noise\",\"prompt\":\""
                        + prompt
                        + "\"}\n"
                        + line("last", 1);
        assertThat(submit("zipped", file(utf8(lines)), "-K", "compression.type=gzip")).isEqualTo(1);
        assertThat(told.lines()).hasSize(1).allMatch(each -> each.startsWith("line 3: "));
        assertThat(ids("zipped")).contains("small", "compresses", "last").doesNotContain("noise");
    }

    @Test
    void fewerAcknowledgementsAreRefused() throws Exception {
        Path settings = Files.writeString(folder.resolve("acks.properties"), "acks=1\n");
        Path file = file(utf8(line("1", 1)));
        assertThat(submit("acks", file, "--kafka-config=" + settings)).isEqualTo(1);
        assertThat(err.toString().strip())
                .isEqualTo(
                        "millrace: Kafka setting acks is 1, but a record that one broker alone has"
                                + " is lost with it: leave it away, or set it to all.");
        assertThat(submit("acks", file, "-K", "acks=all")).isZero();
    }
}
