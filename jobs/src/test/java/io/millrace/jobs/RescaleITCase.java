package io.millrace.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.jobs.chaos.cluster.RestoreLog;
import io.millrace.jobs.demo.HalfAnswers;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.jobs.stream.TestingClients;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Flink's adaptive scheduler gives a job that runs, with requests in flight, another number of
 * subtasks, twice: no client stops or submits anything.
 */
@Timeout(600)
class RescaleITCase {
    private static final Duration LIMIT = TestingCluster.LIMIT;

    /** Between two rescales; enough that some are in flight at each. */
    private static final int PORTION = 197;

    private static final int TOKENS = 54;

    @TempDir Path folder;

    @Test
    void aRunningJobGoesFromTwoSubtasksToOneAndBackWithItsHalfFinishedAnswers() throws Exception {
        try (TestingCluster cluster =
                new TestingCluster(
                        folder,
                        "jobmanager.scheduler: adaptive",
                        // Rescales of a job come at least so long after another.
                        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling: 0s")) {
            TestingTopics topics = topics(cluster, "moved");
            String job = cluster.submit("moved", topics, "-p", "2");
            List<String> ids;
            try (AnswerReader reader = topics.reader()) {
                topics.send(0, PORTION, TOKENS);
                ids = TestingTopics.await(reader, List.of(), 17, LIMIT);
                rescale(cluster, job, 1);
                topics.send(PORTION, 2 * PORTION, TOKENS);
                ids = TestingTopics.await(reader, ids, PORTION + 17, LIMIT);
                rescale(cluster, job, 2);
                topics.send(2 * PORTION, 3 * PORTION, TOKENS);
                ids = TestingTopics.await(reader, ids, 3 * PORTION, LIMIT);
                // What would come twice comes with the next checkpoints.
                topics.send(3 * PORTION, 3 * PORTION + 1, 1);
                ids = TestingTopics.await(reader, ids, 3 * PORTION + 1, LIMIT);
            }
            assertThat(ids).doesNotHaveDuplicates();
            cluster.client("cancel", job).expect(0);

            TestingTopics calm = topics(cluster, "calm");
            calm.send(0, 3 * PORTION, TOKENS);
            calm.send(3 * PORTION, 3 * PORTION + 1, 1);
            cluster.submit("calm", calm, "-p", "2");
            try (AnswerReader reader = calm.reader()) {
                TestingTopics.await(reader, List.of(), 3 * PORTION + 1, LIMIT);
            }
            assertThat(answers(cluster, topics)).isEqualTo(answers(cluster, calm));
        }
    }

    private static TestingTopics topics(TestingCluster cluster, String name) {
        return new TestingTopics(cluster.broker.bootstrapServers(), name, 2);
    }

    /** Asks for so many subtasks, and sees to it that half-finished answers went along. */
    private void rescale(TestingCluster cluster, String job, int parallelism) throws Exception {
        awaitHalfAnswers(cluster, job);
        RestoreLog restored = new RestoreLog(folder);
        JsonNode vertices = cluster.get("/jobs/" + job).path("vertices");
        assertThat(vertices).hasSize(1);
        assertThat(vertices.path(0).path("parallelism").asInt()).isEqualTo(3 - parallelism);
        cluster.put(
                "/jobs/" + job + "/resource-requirements",
                "{\"%s\":{\"parallelism\":{\"lowerBound\":%d,\"upperBound\":%d}}}"
                        .formatted(vertices.path(0).path("id").asText(), parallelism, parallelism));
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!runs(cluster.get("/jobs/" + job), parallelism)) {
            assertThat(System.nanoTime())
                    .as("%d subtasks in time", parallelism)
                    .isLessThan(deadline);
            Thread.sleep(50);
        }
        // Logged before a subtask runs.
        assertThat(restored.read().kept()).as("tokens of half-finished answers").isPositive();
        assertThat(restored.read().repeated()).as("tokens decoded again").isZero();
    }

    /** Waits for a checkpoint with half-finished answers: from the newest one the job goes on. */
    private static void awaitHalfAnswers(TestingCluster cluster, String job) throws Exception {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        int tokens = 0;
        while (tokens == 0) {
            assertThat(System.nanoTime()).as("half-finished answers").isLessThan(deadline);
            Thread.sleep(20);
            JsonNode newest = cluster.get("/jobs/" + job + "/checkpoints").path("latest");
            String path = newest.path("completed").path("external_path").asText("");
            if (!path.isEmpty()) {
                tokens = HalfAnswers.tokensInNewest(Path.of(URI.create(path)).getParent());
            }
        }
    }

    private static boolean runs(JsonNode job, int parallelism) {
        JsonNode vertex = job.path("vertices").path(0);
        return job.path("state").asText().equals("RUNNING")
                && vertex.path("parallelism").asInt() == parallelism
                && vertex.path("tasks").path("RUNNING").asInt() == parallelism;
    }

    /** Values by id. */
    private static Map<String, String> answers(TestingCluster cluster, TestingTopics topics)
            throws Exception {
        Map<String, String> answers = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record :
                TestingClients.committed(cluster.broker.bootstrapServers(), topics.output)) {
            String value = new String(record.value(), UTF_8);
            String id = value.replaceFirst("^\\{\"id\":\"(\\d+)\".*", "$1");
            assertThat(answers.put(id, record.key() + value)).as("answer %s before", id).isNull();
        }
        assertThat(answers).hasSize(3 * PORTION + 1);
        return answers;
    }
}
