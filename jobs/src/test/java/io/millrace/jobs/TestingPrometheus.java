package io.millrace.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.local.FreePorts;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** A real Prometheus that scrapes one page each second; and its {@code promtool}. */
final class TestingPrometheus implements AutoCloseable {
    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final int port = FreePorts.next();
    private final TestingProcess process;

    /**
     * @param target port of the page
     */
    TestingPrometheus(Path folder, int target, Path rules) throws IOException {
        Path settings =
                Files.writeString(
                        Files.createDirectories(folder).resolve("prometheus.yml"),
                        """
                        global: {scrape_interval: 1s, evaluation_interval: 1s}
                        rule_files: ['%s']
                        scrape_configs:
                          - job_name: millrace
                            static_configs: [{targets: ['localhost:%d']}]
                        """
                                .formatted(rules, target));
        String command =
                "exec prometheus --config.file=%s --storage.tsdb.path=%s --web.listen-address=localhost:%d"
                        .formatted(settings, folder.resolve("data"), port);
        process = TestingProcess.shell(Map.of(), command);
    }

    /** Leaves the test out where there is no Prometheus, unless {@code CI} is set. */
    static void require() throws InterruptedException {
        try {
            for (String program : List.of("prometheus", "promtool")) {
                new ProcessBuilder(program, "--version")
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor();
            }
        } catch (IOException e) {
            String missing = "There is no Prometheus: " + e.getMessage();
            if (System.getenv("CI") != null) {
                throw new AssertionError(missing);
            }
            Assumptions.abort(missing);
        }
    }

    /** What {@code promtool} prints; an error if it is not content. */
    static String promtool(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("promtool"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String printed =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new AssertionError(printed);
        }
        return printed;
    }

    /** Values of all series of a query; none while it does not answer yet. */
    List<Double> values(String query) throws InterruptedException {
        List<Double> values = new ArrayList<>();
        JsonNode answer =
                get("/api/v1/query?query=" + URLEncoder.encode(query, StandardCharsets.UTF_8));
        for (JsonNode series : answer.at("/data/result")) {
            String value = series.at("/value/1").asText();
            values.add(
                    switch (value) {
                        case "+Inf" -> Double.POSITIVE_INFINITY;
                        case "-Inf" -> Double.NEGATIVE_INFINITY;
                        default -> Double.valueOf(value);
                    });
        }
        return values;
    }

    /** As its API answers; empty while it does not. */
    JsonNode get(String path) throws InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://localhost:" + port + path)).build();
        try {
            JsonNode answer = json.readTree(http.send(request, BodyHandlers.ofString()).body());
            if (answer.path("status").asText().equals("error")) {
                throw new AssertionError(path + ": " + answer);
            }
            return answer;
        } catch (IOException e) {
            return json.createObjectNode();
        }
    }

    /** What it has logged. */
    String log() {
        return String.join("\n", process.lines());
    }

    @Override
    public void close() {
        process.close();
    }
}
