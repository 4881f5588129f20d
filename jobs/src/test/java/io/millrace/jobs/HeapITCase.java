package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.jobs.stream.TestingClients;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real {@code ./millrace run} whose heap is too small, just large enough, and full. */
@Timeout(400)
class HeapITCase {
    private static final Duration LIMIT = Duration.ofSeconds(150);
    private static final Path MODEL = TestingProcess.root().resolve("models/triage");

    /** More requests than run at once, each with an answer of its own length. */
    private static final int REQUESTS = 97;

    @TempDir Path folder;

    @Test
    void aModelThatDoesNotFitIsRefusedAtOnceAndRunsInTheHeapThatTheRefusalNames() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            TestingTopics topics = new TestingTopics(broker.bootstrapServers(), "heap", 2);
            String model = "--model=" + wideModel();
            String needed;
            try (TestingProcess run = run(topics, "-Xmx300m", model, "--load-format=dummy")) {
                assertThat(run.exitCode(LIMIT)).isEqualTo(ExitCode.FAILED.code());
                String refused = run.awaitLine("needs a heap of", LIMIT);
                assertThat(refused).contains("this one has 300 MiB", "MiB for the weights");
                Matcher figure = Pattern.compile("MILLRACE_OPTS=(-Xmx\\d+m)").matcher(refused);
                assertThat(figure.find()).as(refused).isTrue();
                needed = figure.group(1);
            }
            topics.send(0, REQUESTS, 5);
            try (AnswerReader answers = topics.reader();
                    TestingProcess run = run(topics, needed, model, "--load-format=dummy")) {
                TestingTopics.await(answers, List.of(), REQUESTS, LIMIT);
                run.awaitLine("Running.", LIMIT);
                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
            }
        }
    }

    /** 200 MB of weights in matrices of several sizes. */
    private Path wideModel() throws Exception {
        Path model = Files.createDirectories(folder.resolve("wide"));
        ObjectMapper json = new ObjectMapper();
        ObjectNode config = (ObjectNode) json.readTree(MODEL.resolve("config.json").toFile());
        config.put("hidden_size", 1024).put("intermediate_size", 4096);
        config.put("num_attention_heads", 16).put("num_key_value_heads", 4).put("head_dim", 64);
        config.put("num_hidden_layers", 6).put("torch_dtype", "bfloat16");
        json.writeValue(model.resolve("config.json").toFile(), config);
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            if (Files.exists(MODEL.resolve(file))) {
                Files.copy(MODEL.resolve(file), model.resolve(file));
            }
        }
        return model;
    }

    @Test
    void aFullHeapEndsTheProcessWithALineAndACode() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            TestingTopics topics = new TestingTopics(broker.bootstrapServers(), "full", 2);
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                String value =
                        "{\"id\":\"%d\",\"prompt\":\"hi\",\"ignore_eos\":true,\"max_tokens\":200,\"metadata\":{\"m\":\"%s\"}}"
                                .formatted(i, "m".repeat(900_000));
                records.add(
                        new ProducerRecord<>(topics.input, value.getBytes(StandardCharsets.UTF_8)));
            }
            TestingClients.send(broker.bootstrapServers(), records);
            try (TestingProcess run =
                    run(
                            topics,
                            "-Xmx260m",
                            "--model=" + MODEL,
                            "--kv-cache-memory=20m",
                            "--max-in-flight=400")) {
                run.awaitLine("millrace: Out of memory (Java heap space)", LIMIT);
                assertThat(run.exitCode(LIMIT)).isEqualTo(ExitCode.OUT_OF_MEMORY.code());
            }
            assertThat(Files.readString(folder.resolve("data/log/run-heap.log")))
                    .contains(
                            "Out of memory (Java heap space): the process ends with exit code 3.");
        }
    }

    private TestingProcess run(TestingTopics topics, String heap, String... more) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("run", "--application-id=heap"));
        arguments.addAll(topics.options());
        arguments.addAll(List.of(more));
        return TestingProcess.millrace(
                folder.resolve("data"),
                Map.of("MILLRACE_OPTS", heap),
                arguments.toArray(new String[0]));
    }
}
