package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.stream.AnswerReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The job jar on a Flink cluster of real processes, submitted by Flink's own client: each job has a
 * class loader of its own there, while the engine comes from lib.
 */
@Timeout(900)
class ClusterITCase {
    private static final Duration LIMIT = TestingCluster.LIMIT;
    private static final int REQUESTS = 97;

    @TempDir Path folder;

    private TestingCluster cluster;

    @BeforeEach
    void startCluster() throws Exception {
        cluster = new TestingCluster(folder);
    }

    @AfterEach
    void stopCluster() {
        // Null where the start failed.
        if (cluster != null) {
            cluster.close();
        }
    }

    @Test
    void aJobIsStoppedAndSubmittedAgainOnOneTaskManagerAndTwoRunAtOnce() throws Exception {
        TestingTopics first = topics("first", 2);
        TestingTopics second = topics("second", 2);
        try (AnswerReader firsts = first.reader();
                AnswerReader seconds = second.reader()) {
            first.send(0, REQUESTS, 17);
            String job = cluster.submit("first", first);
            List<String> ids = TestingTopics.await(firsts, List.of(), REQUESTS, LIMIT);
            assertMetricsAreNamedAsDocumented(job);

            cluster.client("stop", "-p", folder.resolve("stopped").toString(), job).expect(0);
            first.send(REQUESTS, 2 * REQUESTS, 17);
            second.send(0, REQUESTS, 17);
            cluster.submit("first", first, "-s", savepoint());
            cluster.submit("second", second);

            assertThat(TestingTopics.await(firsts, ids, 2 * REQUESTS, LIMIT))
                    .containsExactlyInAnyOrderElementsOf(numbers(2 * REQUESTS));
            assertThat(TestingTopics.await(seconds, List.of(), REQUESTS, LIMIT))
                    .containsExactlyInAnyOrderElementsOf(numbers(REQUESTS));
        }
        assertThat(folder.resolve("state/checkpoints")).isNotEmptyDirectory();
        String log = Files.readString(cluster.taskManagerLog());
        assertThat(log).doesNotContain("UnsatisfiedLinkError").doesNotContain("to FAILED");
    }

    @Test
    void theClientsParallelismCountsAndItsStorageIsLookedAt() throws Exception {
        TestingTopics topics = topics("settings", 2);
        // Two partitions do not suffice for three subtasks, wherever the three comes from.
        refused(topics, "fewer than the parallelism of 3", "-p", "3");
        refused(topics, "fewer than the parallelism of 3", "-Dparallelism.default=3");
        refused(topics, "--checkpoint-dir", "-Dexecution.checkpointing.storage=jobmanager");
    }

    private TestingTopics topics(String name, int partitions) {
        return new TestingTopics(cluster.broker.bootstrapServers(), name, partitions);
    }

    private void refused(TestingTopics topics, String told, String... flinkOptions)
            throws Exception {
        TestingCluster.Ended ended =
                cluster.client(true, TestingCluster.run("settings", topics, flinkOptions));
        ended.expect(1);
        assertThat(ended.lines()).anyMatch(line -> line.contains(told));
    }

    @Test
    void theClientTellsInOneSentenceThatLibIsMissing() throws Exception {
        TestingCluster.Ended ended =
                cluster.client(false, TestingCluster.run("lib", topics("lib", 2)));
        ended.expect(1);
        assertThat(ended.lines()).anyMatch(line -> line.contains("dist/lib"));
        assertThat(ended.lines()).noneMatch(line -> line.contains("\tat "));
    }

    /** Each name of the page, as Flink's REST has it. */
    private void assertMetricsAreNamedAsDocumented(String job) throws Exception {
        String page = Files.readString(TestingProcess.root().resolve("docs/running.md"));
        String table =
                page.substring(
                        page.indexOf("<!-- metrics:begin -->"),
                        page.indexOf("<!-- metrics:end -->"));
        List<String> documented =
                Pattern.compile("`(0\\.inference_[^`]+)`")
                        .matcher(table)
                        .results()
                        .map(name -> name.group(1).replace("MODEL", "triage"))
                        .map(name -> name.replace("CODE", "unreadable"))
                        .map(name -> name.replace("CLASS", "normal"))
                        .toList();
        assertThat(documented).hasSizeGreaterThan(17);
        String vertex = cluster.get("/jobs/" + job).path("vertices").path(0).path("id").asText();
        long deadline = System.nanoTime() + LIMIT.toNanos();
        List<String> absent = documented;
        while (!absent.isEmpty()) {
            assertThat(System.nanoTime()).as("metrics %s in time", absent).isLessThan(deadline);
            // The JobManager asks the TaskManager for them now and then.
            Thread.sleep(200);
            String told =
                    cluster.get("/jobs/" + job + "/vertices/" + vertex + "/metrics").toString();
            absent =
                    documented.stream()
                            .filter(name -> !told.contains("\"" + name + "\""))
                            .filter(name -> !told.contains("\"" + name + "_p99\""))
                            .toList();
        }
    }

    private String savepoint() throws IOException {
        try (Stream<Path> states = Files.list(folder.resolve("stopped"))) {
            return states.findFirst().orElseThrow().toString();
        }
    }

    private static List<String> numbers(int end) {
        return IntStream.range(0, end).mapToObj(Integer::toString).toList();
    }
}
