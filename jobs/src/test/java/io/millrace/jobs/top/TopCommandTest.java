package io.millrace.jobs.top;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.millrace.jobs.TestingCommand;
import io.millrace.jobs.local.FreePorts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The command against a server that answers as Flink's REST does; {@code MonitoringITCase} has
 * Flink's own.
 */
class TopCommandTest {
    private static final String ID = "3f2a97c5d1e84b6097c5d1e84b603f2a";

    private final Map<String, String> answers = new TreeMap<>();
    private HttpServer server;

    @BeforeEach
    void start() throws Exception {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    String path = exchange.getRequestURI().getPath();
                    String query = exchange.getRequestURI().getRawQuery();
                    String answer = answers.get(path);
                    if (answer != null && query != null && path.contains("/subtasks/")) {
                        answer = wanted(answer, query.replaceFirst("get=", ""));
                    }
                    byte[] bytes =
                            (answer == null ? "no" : answer).getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(answer == null ? 404 : 200, bytes.length);
                    exchange.getResponseBody().write(bytes);
                    exchange.close();
                });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    /** {@code name=value} a line, as REST gives those that are asked for. */
    private static String wanted(String metrics, String names) {
        return Arrays.stream(names.split(","))
                .map(name -> URLDecoder.decode(name, StandardCharsets.UTF_8))
                .flatMap(
                        name ->
                                metrics.lines()
                                        .filter(line -> line.startsWith(name + "="))
                                        .map(line -> line.substring(name.length() + 1))
                                        .map(
                                                "{\"id\":\"%s\",\"value\":\"%%s\"}".formatted(name)
                                                        ::formatted))
                .collect(Collectors.joining(",", "[", "]"));
    }

    private String address() {
        return "localhost:" + server.getAddress().getPort();
    }

    private void overview(String... jobs) {
        answers.put("/jobs/overview", "{\"jobs\":[" + String.join(",", jobs) + "]}");
    }

    private static String job(String id, String name, String state) {
        return "{\"jid\":\"%s\",\"name\":\"%s\",\"state\":\"%s\"}".formatted(id, name, state);
    }

    /** A job of one vertex with two subtasks of two engines. */
    private void runs(String first, String second) {
        overview(job(ID, "triage", "RUNNING"));
        answers.put(
                "/jobs/" + ID,
                """
                {"name":"triage","state":"RUNNING","now":101500,"duration":3720000,"vertices":[{"id":"v"}]}""");
        answers.put(
                "/jobs/" + ID + "/checkpoints",
                """
                {"counts":{"completed":97,"failed":1},"latest":{"completed":
                {"latest_ack_timestamp":100000,"end_to_end_duration":17,"state_size":1023}}}""");
        answers.put("/jobs/" + ID + "/metrics", "[{\"id\":\"numRestarts\",\"value\":\"3\"}]");
        String vertex = "/jobs/" + ID + "/vertices/v";
        answers.put(
                vertex,
                """
                {"subtasks":[{"subtask":0,"taskmanager-id":"a"},{"subtask":1,"taskmanager-id":"b"}]}""");
        answers.put(
                vertex + "/subtasks/metrics",
                first.lines()
                        .map(line -> "{\"id\":\"" + line.replaceFirst("=.*", "") + "\"}")
                        .collect(Collectors.joining(",", "[", "]")));
        answers.put(vertex + "/subtasks/0/metrics", first);
        answers.put(vertex + "/subtasks/1/metrics", second);
    }

    private String top(int code, String... more) {
        List<String> arguments =
                new ArrayList<>(List.of("top", "--once", "--address=" + address()));
        arguments.addAll(List.of(more));
        return ended(code, TestingCommand.run(arguments));
    }

    private static String ended(int code, TestingCommand command) {
        assertThat(command.exitCode()).as(command.all()).isEqualTo(code);
        return command.all();
    }

    @Test
    void figuresAreOfAllSubtasksAndEngines() {
        String first =
                """
                inference_(tri.age).answered=1000
                inference_(tri.age).answered_per_second=54.25
                inference_(tri.age).code.prompt_too_long.failures=0
                inference_(tri.age).code.empty_prompt.failures=17
                inference_(tri.age).generated_tokens=50000
                inference_(tri.age).prompt_tokens=1000
                inference_(tri.age).cached_prompt_tokens=500
                inference_(tri.age).running=10
                inference_(tri.age).waiting=1
                inference_(tri.age).saturation=0.25
                inference_(tri.age).time_to_first_token_median=97
                inference_(tri.age).time_to_first_token_p99=NaN
                Source__prompts.KafkaSourceReader.pendingRecords=1023
                other.answered=99""";
        String second =
                first.replace("=1000\n", "=2000\n").replace("0.25", "0.97").replace("=97", "=17");
        runs(first, second);
        assertThat(top(0, "--job=triage"))
                .contains("triage (" + ID + ") is RUNNING for 1 h 2 min")
                .contains("model tri.age, 2 engines")
                .containsPattern("answers +108\\.5 /s +3,000 in all")
                .containsPattern("dead letters +34 +empty_prompt 34\n")
                .containsPattern("100,000 generated, 3,000 of prompts \\(33 % cached\\)")
                .containsPattern("in flight +0 +2,046 not read")
                .containsPattern("saturation +97 %")
                .containsPattern("20 running, 2 waiting")
                .containsPattern("first token \\(ms\\) +97 +- +-\n")
                .containsPattern(
                        "checkpoint +1\\.5 s ago +17 ms, 1,023 bytes; 97 completed, 1 failed")
                .containsPattern("restarts +3")
                .doesNotContain("lost", "\u001b");
    }

    @Test
    void aJobThatIsNotOurs() {
        runs("map.numRecordsIn=1", "map.numRecordsIn=1");
        assertThat(top(1)).contains("Job triage shows no metrics of an inference operator");
    }

    @Test
    void whereNoJobRuns() {
        overview(job(ID, "triage", "FAILED"));
        assertThat(top(1))
                .contains("No job runs: Flink at http://" + address())
                .contains("has triage (" + ID + ", FAILED).");
        overview();
        assertThat(top(1, "--job=54")).contains("No job 54 runs").contains("has none.");
    }

    @Test
    void whereSeveralJobsRun() {
        overview(job(ID, "triage", "RUNNING"), job(ID.replace('3', '4'), "other", "RUNNING"));
        assertThat(top(1)).contains("has 2 such jobs: name one with --job");
        assertThat(top(1, "--job=none")).contains("No job none runs");
    }

    @Test
    void whatIsNotFlink() {
        answers.put("/jobs/overview", "<html>");
        assertThat(top(1)).contains("/jobs/overview with no JSON").contains("--address");
        answers.clear();
        assertThat(top(1)).contains("/jobs/overview with status 404");
    }

    @Test
    void whereNothingListens() throws IOException {
        TestingCommand command =
                TestingCommand.run(
                        List.of("top", "--once", "--address=localhost:" + FreePorts.next()));
        assertThat(ended(1, command)).contains("Flink does not answer at http://localhost:");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ftp://flink", "local host:8081", "http://", "8081"})
    void whatIsNoAddress(String address) {
        assertThat(ended(1, TestingCommand.run(List.of("top", "--once", "--address=" + address))))
                .contains("--address is " + address + ": it must be the address");
    }

    @Test
    void anIntervalIsAtLeastASecond() {
        assertThat(top(1, "--interval=17ms")).contains("--interval is 17 ms");
    }
}
