package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.bench.BenchRows;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.stream.AnswerReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Checkpoints while more prompts are queued than the engine can answer: a barrier never waits for
 * it, in one chain or through the hop.
 *
 * <p>{@code -Dmillrace.saturation.seconds=60} measures longer; {@code
 * -Dmillrace.results.write=true} writes the figures to {@code docs/results}.
 */
@Timeout(300)
class SaturationITCase {
    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final int TOKENS = 97;
    private static final long INTERVAL_MS = 250;
    private static final Path RESULTS = Path.of("..", "docs", "results");

    /** How the job is laid out, and what is asked of its checkpoints. */
    private enum Topology {
        CHAINED(10, 1000, 5, "", "checkpoints-cpu.json", "--parallelism=1"),
        HOP(
                4,
                5000,
                // It waits for what is in the network's buffers: told, not judged.
                LIMIT.toSeconds(),
                ", through the prefix hop with 2 subtasks",
                "checkpoints-hop-cpu.json",
                "--parallelism=2",
                "--partitioning=prefix");

        final int seconds;
        final double mostMs;
        final double savepointSeconds;
        final String words;
        final Path results;
        final List<String> options;

        Topology(
                int seconds,
                double mostMs,
                double savepointSeconds,
                String words,
                String results,
                String... options) {
            this.seconds = Integer.getInteger("millrace.saturation.seconds", seconds);
            this.mostMs = mostMs;
            this.savepointSeconds = savepointSeconds;
            this.words = words;
            this.results = RESULTS.resolve(results);
            this.options = List.of(options);
        }
    }

    @TempDir Path folder;

    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();

    @ParameterizedTest
    @EnumSource(Topology.class)
    void checkpointsAndSavepointsAreQuickWhileTheQueueIsFull(Topology topology) throws Exception {
        // Far more than the engine answers in the time.
        int requests = 300 * (topology.seconds + 30);
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"))) {
            TestingTopics topics = new TestingTopics(broker.bootstrapServers(), "full", 2);
            topics.send(0, requests, TOKENS);
            try (AnswerReader reader = topics.reader();
                    TestingProcess run = run(topics, topology)) {
                URI ui = webUi(run);
                List<String> ids = TestingTopics.await(reader, List.of(), 1, LIMIT);
                String job = get(ui, "/jobs").get("jobs").get(0).get("id").asText();
                // One that comes before all tasks run is declined.
                long failed = failed(get(ui, "/jobs/" + job + "/checkpoints"));
                TimeUnit.SECONDS.sleep(topology.seconds);
                JsonNode checkpoints = get(ui, "/jobs/" + job + "/checkpoints");

                assertThat(failed(checkpoints)).isEqualTo(failed);

                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
                double savepoint = seconds(run.awaitLine("savepoint file:", LIMIT));
                ids = readAll(reader, ids);
                assertThat(ids).as("the queue was full to the end").hasSizeLessThan(requests / 2);
                assertThat(ids).doesNotHaveDuplicates();
                check(topology, checkpoints, savepoint, ids.size());
            }
        }
    }

    private static long failed(JsonNode checkpoints) {
        return checkpoints.get("counts").get("failed").asLong();
    }

    private static void check(
            Topology topology, JsonNode checkpoints, double savepoint, int answers)
            throws Exception {
        JsonNode counts = checkpoints.get("counts");
        JsonNode durations = checkpoints.get("summary").get("end_to_end_duration");
        String figures =
                "%s: %d checkpoints in about %d s, %s; savepoint %.1f s; %d answers"
                        .formatted(
                                topology,
                                counts.get("completed").asInt(),
                                topology.seconds,
                                durations,
                                savepoint,
                                answers);
        System.out.println(figures);
        assertThat(counts.get("completed").asLong())
                .as(figures)
                .isGreaterThan(topology.seconds * 1000L / INTERVAL_MS / 2);
        assertThat(durations.get("p99").asDouble()).as(figures).isLessThan(topology.mostMs);
        assertThat(savepoint).as(figures).isLessThan(topology.savepointSeconds);
        if (Boolean.getBoolean("millrace.results.write")) {
            BenchOrigin origin = BenchOrigin.of(Path.of(".."));
            BenchRows rows = new BenchRows("triage", origin);
            String workload =
                    "queue full for %d s, checkpoint every %d ms%s"
                            .formatted(topology.seconds, INTERVAL_MS, topology.words);
            rows.add(workload, "checkpoints", counts.get("completed").asDouble(), "1");
            for (String figure : List.of("p50", "p99", "max")) {
                rows.add(
                        workload,
                        "checkpoint duration " + figure,
                        durations.get(figure).asDouble(),
                        "ms");
            }
            rows.add(workload, "stop with savepoint", savepoint * 1000, "ms");
            ResultFiles.write(topology.results, rows.all());
        }
    }

    /** The answers that are committed, those of the savepoint included. */
    private static List<String> readAll(AnswerReader reader, List<String> ids) {
        List<String> all = new ArrayList<>(ids);
        long quietSince = System.nanoTime();
        while (System.nanoTime() - quietSince < TimeUnit.SECONDS.toNanos(2)) {
            int before = all.size();
            reader.poll(
                    Duration.ofMillis(100),
                    item -> all.add(((AnswerReader.Answer) item).result().getId()));
            if (all.size() > before) {
                quietSince = System.nanoTime();
            }
        }
        return all;
    }

    private JsonNode get(URI ui, String path) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(ui.resolve(path)).build();
        return json.readTree(http.send(request, BodyHandlers.ofString()).body());
    }

    private static URI webUi(TestingProcess run) throws Exception {
        return URI.create(run.awaitLine("Web UI", LIMIT).replaceFirst("Web UI +", "").strip());
    }

    private static double seconds(String savepointLine) {
        Matcher matcher = Pattern.compile("\\(([0-9.]+) s\\)").matcher(savepointLine);
        assertThat(matcher.find()).as(savepointLine).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    private TestingProcess run(TestingTopics topics, Topology topology) throws Exception {
        List<String> arguments = new ArrayList<>();
        arguments.add("run");
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--application-id=full");
        arguments.add("--checkpoint-interval=" + INTERVAL_MS + "ms");
        arguments.addAll(topology.options);
        arguments.addAll(topics.options());
        return TestingProcess.millrace(folder.resolve("data"), arguments.toArray(new String[0]));
    }
}
