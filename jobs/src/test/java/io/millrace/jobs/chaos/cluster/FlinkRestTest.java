package io.millrace.jobs.chaos.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FlinkRestTest {
    /** As Flink 2.3 answers, without what is not read. */
    private static final String CHECKPOINTS =
            """
            {"counts":{"restored":1,"total":5,"in_progress":0,"completed":2,"failed":3},
             "latest":{"completed":{"id":3,"end_to_end_duration":17},
                       "failed":{"id":5,"status":"FAILED","failure_message":"The job has failed."}},
             "history":[
               {"id":4,"status":"FAILED","failure_message":
                "Checkpoint triggering task Source: a (1/2) of job 5f1dab0000000000000000000000cafe is not being executed at the moment.\\nMore."},
               {"id":3,"status":"COMPLETED"},
               {"id":2,"status":"FAILED"}]}
            """;

    @Test
    void failedCheckpointsHaveTheirReasons() throws Exception {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1);
        server.createContext(
                "/jobs/job/checkpoints",
                exchange -> {
                    byte[] body = CHECKPOINTS.getBytes(UTF_8);
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                    exchange.close();
                });
        server.start();
        try {
            FlinkRest rest = new FlinkRest("127.0.0.1", server.getAddress().getPort());
            FlinkRest.Checkpoints seen = rest.checkpoints("job");
            assertThat(seen.completed()).isEqualTo(2);
            assertThat(seen.failed()).isEqualTo(3);
            assertThat(seen.newestMs()).isEqualTo(17);
            assertThat(seen.reasons())
                    .containsExactlyInAnyOrderEntriesOf(
                            Map.of(
                                    2L,
                                    "no reason given",
                                    4L,
                                    "Checkpoint triggering task Source: a (N/N) of job ID is not"
                                            + " being executed at the moment.",
                                    5L,
                                    "The job has failed."));
        } finally {
            server.stop(0);
        }
    }
}
