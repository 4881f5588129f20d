package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.FreePorts;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What docs/operating.md says of the page of metrics and of logs. */
class OperatingITCase {
    private static final Duration LIMIT = Duration.ofMinutes(1);
    private static final Path ROOT = TestingProcess.root();

    @TempDir Path folder;

    @Test
    void prometheusHasEveryMetricOfTheTableByItsName() throws Exception {
        Path data = Files.createDirectories(folder.resolve("data"));
        int port = FreePorts.next();
        Path conf = configuration(folder.resolve("conf"), port);
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder.resolve("kafka"))) {
            String servers = "--bootstrap-servers=" + kafka.bootstrapServers();
            try (TestingProcess run =
                    TestingProcess.millrace(
                            data,
                            Map.of("MILLRACE_CONF", conf.toString()),
                            "run",
                            servers,
                            "--model=" + ROOT.resolve("models/triage"),
                            "--input-topics=prompts",
                            "--create-topics")) {
                run.awaitLine("Running.", LIMIT);
                Path prompts =
                        Files.writeString(
                                folder.resolve("prompts.jsonl"),
                                """
                                {"id":"a","prompt":"Dear friend","max_tokens":5}
                                {"id":"b","prompt":"Dear friend","top_p":17}
                                """);
                try (TestingProcess submit =
                        TestingProcess.millrace(
                                data, "submit", servers, "--topic=prompts", prompts.toString())) {
                    assertThat(submit.exitCode(LIMIT)).isIn(0, 1);
                }
                String page = awaitAnswer(port);
                assertThat(names(page)).containsAll(namesOfTheTable());
                assertThat(names(page)).containsAll(namesOfTheAlerts());
                assertThat(page)
                        .containsPattern(
                                "time_to_first_token\\{[^}]*operator_name=\"inference__triage_\"[^}]*"
                                        + "quantile=\"0.99\"");
                run.terminate();
                assertThat(run.exitCode(LIMIT)).isZero();
            }
        }
        assertThat(Files.readString(data.resolve("log/run.log"))).startsWith("OWN ");
    }

    /** The project's settings, with another port. */
    private static Path configuration(Path conf, int port) throws IOException {
        Files.createDirectories(conf);
        String settings = Files.readString(ROOT.resolve("flink-conf/config.yaml"));
        String own = settings.replace("port: 9249-9299", "port: " + port);
        assertThat(own).isNotEqualTo(settings);
        Files.writeString(conf.resolve("config.yaml"), own);
        Files.writeString(
                conf.resolve("log4j.properties"),
                Files.readString(ROOT.resolve("flink-conf/log4j.properties"))
                        .replace("layout.pattern = %d", "layout.pattern = OWN %d"));
        return conf;
    }

    private static String operating() throws IOException {
        return Files.readString(ROOT.resolve("docs/operating.md"));
    }

    private static String between(String text, String begin, String end) {
        int from = text.indexOf(begin) + begin.length();
        return text.substring(from, text.indexOf(end, from));
    }

    /** The page, once it knows of the answer. */
    private static String awaitAnswer(int port) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/metrics")).build();
        Pattern answered = Pattern.compile("task_operator_answered\\{[^}]*} 1\\.0");
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            String page = client.send(request, BodyHandlers.ofString()).body();
            if (answered.matcher(page).find()) {
                return page;
            }
            assertThat(System.nanoTime()).as(page).isLessThan(deadline);
            Thread.sleep(200);
        }
    }

    private static Set<String> names(String page) {
        return page.lines()
                .filter(line -> !line.startsWith("#"))
                .map(line -> line.split("[{ ]", 2)[0])
                .collect(Collectors.toSet());
    }

    private static List<String> namesOfTheTable() throws IOException {
        String table =
                between(
                        Files.readString(ROOT.resolve("docs/running.md")),
                        "<!-- metrics:begin -->",
                        "<!-- metrics:end -->");
        Matcher name = Pattern.compile("`(flink_taskmanager_\\w+)`").matcher(table);
        List<String> names = new ArrayList<>();
        while (name.find()) {
            names.add(name.group(1));
        }
        assertThat(names).hasSizeGreaterThan(20);
        return names;
    }

    /** Of queries and alerts; both processes of a cluster are one here. */
    private static Set<String> namesOfTheAlerts() throws IOException {
        Matcher name = Pattern.compile("(flink_(?:task|job)manager_\\w+)").matcher(operating());
        Set<String> names = new TreeSet<>();
        while (name.find()) {
            names.add(name.group(1));
        }
        assertThat(names).hasSizeGreaterThan(8);
        return names;
    }
}
