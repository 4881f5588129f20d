package io.millrace.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real {@code ./millrace run} puts answers into events of a real broker. */
@Timeout(900)
class EventsITCase {
    private static final Duration LIMIT = Duration.ofSeconds(240);
    private static final int EVENTS = 197;
    private static final int KEYS = 40;

    @TempDir Path folder;

    @Test
    void eventsHaveTheBytesOfAnUndisturbedRunAfterAKill() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            TestingTopics killed = new TestingTopics(broker.bootstrapServers(), "killed", 2);
            TestingTopics whole = new TestingTopics(broker.bootstrapServers(), "whole", 2);
            send(killed);
            try (TestingProcess run = run(killed)) {
                assertThat(await(killed, killed.output, 7)).hasSizeLessThan(EVENTS);
                run.kill();
            }
            List<ConsumerRecord<byte[], byte[]>> answers;
            List<ConsumerRecord<byte[], byte[]>> failures;
            try (TestingProcess run = run(killed)) {
                run.awaitLine("resumes checkpoint", LIMIT);
                answers = await(killed, killed.output, EVENTS);
                failures = await(killed, killed.deadLetters, 3);
                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
            }
            send(whole);
            try (TestingProcess run = run(whole)) {
                await(whole, whole.output, EVENTS);
                await(whole, whole.deadLetters, 3);
                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
            }
            // What would come twice has come: the job has stopped, and all it wrote is committed.
            assertThat(shown(await(killed, killed.output, EVENTS)))
                    .as("each once, with the same bytes")
                    .isEqualTo(shown(await(whole, whole.output, EVENTS)));
            tombstonesStayInTheirPlace(answers);
            eventsKeepTheirBytes(answers);
            failuresHaveTheirReasons(failures);
        }
    }

    /** The example of docs/events.md: its commands and files, and what it shows. */
    @Test
    void theExampleOfThePageGivesWhatThePageShows() throws Exception {
        String page = Files.readString(TestingProcess.root().resolve("docs/events.md"));
        Matcher example =
                Pattern.compile(
                                "<!-- events -->\n```bash\n(.*?)```\n\n```json\n(.*?)```",
                                Pattern.DOTALL)
                        .matcher(page);
        assertThat(example.find()).isTrue();
        String commands = example.group(1).replace("\\\n", "");
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            String brokers = "--bootstrap-servers=" + broker.bootstrapServers();
            try (TestingProcess run =
                    TestingProcess.millrace(
                            folder.resolve("data"), words(commands, "run", brokers))) {
                run.awaitLine("Running.", LIMIT);
                TestingCommand sent =
                        TestingCommand.run(List.of(words(commands, "submit", brokers)));
                assertThat(sent.exitCode()).as(sent.all()).isZero();
                List<String> shown = example.group(2).lines().toList();
                TestingCommand results =
                        TestingCommand.run(
                                List.of(
                                        words(
                                                commands,
                                                "results",
                                                brokers,
                                                "--max=" + shown.size(),
                                                "--timeout=120s")));
                assertThat(results.exitCode()).as(results.all()).isZero();
                // Answers leave as they are finished.
                assertThat(results.lines()).containsExactlyInAnyOrderElementsOf(shown);
                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
            }
        }
    }

    /** The words of a command of the page, with paths below the root, and some more. */
    private static String[] words(String commands, String name, String... more) {
        String line =
                commands.lines()
                        .filter(each -> each.startsWith("./millrace " + name + " "))
                        .findFirst()
                        .orElseThrow();
        List<String> words = new ArrayList<>();
        for (String word : line.strip().split(" +")) {
            boolean path = word.startsWith("docs/") || word.startsWith("models/");
            words.add(path ? TestingProcess.root().resolve(word).toString() : word);
        }
        words.remove(0);
        words.addAll(List.of(more));
        return words.toArray(String[]::new);
    }

    private static String prompt(int i) {
        return "Dear friend, offer number " + i;
    }

    private static String event(int i) {
        return i % KEYS == 7 && i > KEYS && i < 160
                ? null
                : "{\"text\":\"%s\", \"n\":[1e400,1.10,12345678901234567890],\"i\":%d}"
                        .formatted(prompt(i), i);
    }

    /** Events of some keys, tombstones among them, and three that cannot be answered. */
    private static void send(TestingTopics topics) {
        List<byte[]> bad =
                List.of(
                        "{\"text\":\"x\",\"answer\":{\"label\":1}}".getBytes(UTF_8),
                        new byte[] {'{', (byte) 0xFF, '}'},
                        "{\"text\":\"x\"}".getBytes(UTF_8));
        try (KafkaProducer<byte[], byte[]> producer = producer(topics)) {
            for (int i = 0; i < EVENTS; i++) {
                String value = event(i);
                producer.send(
                        new ProducerRecord<>(
                                topics.input,
                                i % KEYS % 2,
                                1_764_460_800_000L + i,
                                ("key-" + i % KEYS).getBytes(UTF_8),
                                value == null ? null : value.getBytes(UTF_8)));
                if (i % 60 == 59) {
                    producer.send(
                            new ProducerRecord<>(topics.input, 0, (byte[]) null, bad.get(i / 60)));
                }
            }
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(TestingTopics topics) {
        return new KafkaProducer<>(
                ClientProperties.producer(topics.bootstrapServers, Map.of()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    private TestingProcess run(TestingTopics topics) throws Exception {
        Path template =
                Files.writeString(
                        folder.resolve("prompt.j2"),
                        "{{ event.text }} for {{ event.n[1] }} ({{ record.key | default('no key') }})");
        List<String> arguments = new ArrayList<>();
        arguments.add("run");
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--application-id=" + topics.input);
        arguments.add("--checkpoint-interval=200ms");
        arguments.add("--max-in-flight=32");
        arguments.add("--prompt-template=" + template);
        arguments.add("--id-from=field:text");
        arguments.add("--result-field=answer.label");
        arguments.add("--max-tokens=54");
        arguments.add("--ignore-eos");
        arguments.addAll(topics.options());
        return TestingProcess.millrace(folder.resolve("data"), arguments.toArray(new String[0]));
    }

    /** All that is committed on a topic, once that are so many. */
    private static List<ConsumerRecord<byte[], byte[]>> await(
            TestingTopics topics, String topic, int count) {
        Properties properties = ClientProperties.consumer(topics.bootstrapServers, Map.of());
        properties.setProperty("enable.auto.commit", "false");
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions =
                    consumer.partitionsFor(topic).stream()
                            .map(info -> new TopicPartition(topic, info.partition()))
                            .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + LIMIT.toNanos();
            boolean more = true;
            while (all.size() < count || more) {
                assertThat(System.nanoTime())
                        .as("%d of %d records are on %s", all.size(), count, topic)
                        .isLessThan(deadline);
                var records = consumer.poll(Duration.ofMillis(500));
                records.forEach(all::add);
                more = !records.isEmpty();
            }
        }
        return all;
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, UTF_8);
    }

    private static List<String> shown(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream()
                .map(r -> text(r.key()) + " " + r.timestamp() + " " + text(r.value()))
                .sorted()
                .toList();
    }

    private static void eventsKeepTheirBytes(List<ConsumerRecord<byte[], byte[]>> answers) {
        Pattern value =
                Pattern.compile(
                        "\\{\"text\":\"Dear friend, offer number (\\d+)\", "
                                + "\"n\":\\[1e400,1.10,12345678901234567890],\"i\":(\\d+),"
                                + "\"answer\":\\{\"label\":\".+\"}}",
                        Pattern.DOTALL);
        for (ConsumerRecord<byte[], byte[]> answer : answers) {
            if (answer.value() != null) {
                Matcher matcher = value.matcher(text(answer.value()));
                assertThat(matcher.matches()).as(text(answer.value())).isTrue();
                int i = Integer.parseInt(matcher.group(2));
                assertThat(text(answer.key())).isEqualTo("key-" + i % KEYS);
                assertThat(answer.timestamp()).isEqualTo(1_764_460_800_000L + i);
                assertThat(text(answer.headers().lastHeader("millrace.id").value()))
                        .isEqualTo(prompt(i));
                assertThat(text(answer.headers().lastHeader("millrace.finish_reason").value()))
                        .isEqualTo("length");
            }
        }
    }

    /** In each partition, tombstones are between the events of their key, as they were. */
    private static void tombstonesStayInTheirPlace(List<ConsumerRecord<byte[], byte[]>> answers) {
        Map<String, Integer> tombstones = new HashMap<>();
        Pattern number = Pattern.compile("\"i\":(\\d+)");
        List<ConsumerRecord<byte[], byte[]>> inOrder = new ArrayList<>(answers);
        inOrder.sort(
                Comparator.comparingInt((ConsumerRecord<byte[], byte[]> r) -> r.partition())
                        .thenComparingLong(ConsumerRecord::offset));
        for (ConsumerRecord<byte[], byte[]> answer : inOrder) {
            String key = text(answer.key());
            if (answer.value() == null) {
                tombstones.merge(key, 1, Integer::sum);
            } else if (key.equals("key-7")) {
                Matcher matcher = number.matcher(text(answer.value()));
                assertThat(matcher.find()).isTrue();
                int i = Integer.parseInt(matcher.group(1));
                assertThat(tombstones.getOrDefault(key, 0)).isEqualTo(i == 7 ? 0 : 3);
            }
        }
        assertThat(tombstones).containsOnlyKeys("key-7").containsEntry("key-7", 3);
    }

    private static void failuresHaveTheirReasons(List<ConsumerRecord<byte[], byte[]>> failures)
            throws Exception {
        RecordCodec<InferenceFailure> codec =
                RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
        Map<String, String> reasons = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> failure : failures) {
            InferenceFailure read = codec.decode(failure.value());
            reasons.put(read.getCode(), read.getMessage());
            assertThat(read.getOffset()).isPositive();
        }
        assertThat(reasons).containsOnlyKeys("invalid_parameter", "unreadable", "template_failed");
        assertThat(failures).hasSize(3);
    }
}
