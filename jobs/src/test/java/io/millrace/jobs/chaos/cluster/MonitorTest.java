package io.millrace.jobs.chaos.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Why checkpoints failed, as far as a JobManager tells. */
@Timeout(60)
class MonitorTest {
    private static final String STARTING =
            """
            {"state":"RUNNING","start-time":17,
             "vertices":[{"id":"v","parallelism":2,"tasks":{"RUNNING":1}}]}
            """;
    private static final String CHECKPOINTS =
            """
            {"counts":{"restored":0,"completed":0,"failed":3},
             "latest":{"failed":{"id":5,"failure_message":"The job has failed."}}}
            """;

    private HttpServer server;

    @BeforeEach
    void start() throws Exception {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1);
        answer("/jobs/job", STARTING);
        answer("/jobs/job/checkpoints", CHECKPOINTS);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private void answer(String path, String body) {
        server.createContext(
                path,
                exchange -> {
                    byte[] bytes = body.getBytes(UTF_8);
                    exchange.sendResponseHeaders(200, bytes.length);
                    exchange.getResponseBody().write(bytes);
                    exchange.close();
                });
    }

    @Test
    void checkpointsThatCouldNotBeBegunHaveAReasonTooThoughFlinkKeepsNone() throws Exception {
        FlinkRest rest = new FlinkRest("127.0.0.1", server.getAddress().getPort());
        try (Monitor monitor = new Monitor(rest)) {
            monitor.follow("job");
            while (monitor.newest().failed() < 3) {
                Thread.sleep(20);
            }
            assertThat(monitor.newest().running()).isFalse();
            CheckpointLog.Failures none = new CheckpointLog.Failures(Map.of(), Map.of());
            assertThat(monitor.failures(List.of("job"), none))
                    .containsExactlyInAnyOrderEntriesOf(
                            Map.of(
                                    "The job has failed.",
                                    1,
                                    "Not begun: not all tasks were running.",
                                    2));
            assertThat(monitor.failures(List.of("other"), none)).isEmpty();
            CheckpointLog.Failures logged =
                    new CheckpointLog.Failures(
                            Map.of(new FailedCheckpoint("job", 5), "Failed: no space left"),
                            Map.of("job", Map.of("Not all tasks run.", 1)));
            assertThat(monitor.failures(List.of("job"), logged))
                    .containsExactlyInAnyOrderEntriesOf(
                            Map.of(
                                    "Failed: no space left",
                                    1,
                                    "Not all tasks run.",
                                    1,
                                    "Not begun: not all tasks were running.",
                                    1));
        }
    }
}
