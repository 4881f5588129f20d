package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.FreePorts;
import io.millrace.operators.kafka.admin.ClientProperties;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Dashboard and alerts of {@code monitoring/}, held to a real Prometheus that scrapes a real job
 * under load. Needs {@code prometheus} and {@code promtool}; without them tests are left out,
 * unless {@code CI} is set.
 */
@Timeout(240)
class MonitoringITCase {
    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final Path ROOT = TestingProcess.root();
    private static final Path FOLDER = ROOT.resolve("monitoring");
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    @TempDir Path folder;

    @BeforeAll
    static void prometheusIsThere() throws Exception {
        TestingPrometheus.require();
    }

    private static JsonNode read(String file) throws IOException {
        return YAML.readTree(FOLDER.resolve(file).toFile());
    }

    private static List<JsonNode> panels() throws IOException {
        List<JsonNode> panels = new ArrayList<>();
        for (JsonNode panel : read("dashboard.json").path("panels")) {
            if (!panel.path("type").asText().equals("row")) {
                panels.add(panel);
            }
        }
        assertThat(panels).hasSizeGreaterThan(17);
        return panels;
    }

    /** Queries by the panel and the name that they have in it, with the dashboard's variables. */
    private static Map<String, String> queries() throws IOException {
        Map<String, String> queries = new LinkedHashMap<>();
        for (JsonNode panel : panels()) {
            for (JsonNode target : panel.path("targets")) {
                queries.put(
                        panel.path("title").asText() + " " + target.path("refId").asText(),
                        target.path("expr")
                                .asText()
                                .replace("$job", ".*")
                                .replace("$__rate_interval", "10s"));
            }
        }
        return queries;
    }

    private static Set<String> alerts() throws IOException {
        Set<String> alerts = new TreeSet<>();
        for (JsonNode group : read("rules.yaml").path("groups")) {
            group.path("rules").forEach(rule -> alerts.add(rule.path("alert").asText()));
        }
        return alerts;
    }

    private static Set<String> found(String pattern, String text) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        Set<String> found = new TreeSet<>();
        while (matcher.find()) {
            found.add(matcher.group());
        }
        return found;
    }

    @Test
    void eachAlertFiresInATestAndDoesNotInAnother() throws Exception {
        String rules = FOLDER.resolve("rules.yaml").toString();
        assertThat(TestingPrometheus.promtool("check", "rules", rules))
                .contains(alerts().size() + " rules found");
        TestingPrometheus.promtool("test", "rules", FOLDER.resolve("rules-test.yaml").toString());
        Set<String> fire = new TreeSet<>();
        Set<String> rest = new TreeSet<>();
        for (JsonNode test : read("rules-test.yaml").path("tests")) {
            for (JsonNode each : test.path("alert_rule_test")) {
                (each.path("exp_alerts").isEmpty() ? rest : fire)
                        .add(each.path("alertname").asText());
            }
        }
        assertThat(fire).isEqualTo(alerts());
        assertThat(rest).isEqualTo(alerts());
    }

    @Test
    void thePagesAndKubernetesHaveTheSameAlerts() throws Exception {
        String page = Files.readString(ROOT.resolve("docs/operating.md"));
        assertThat(found("(?<=\\| `)Millrace\\w+", page)).isEqualTo(alerts());
        String guide = Files.readString(ROOT.resolve("docs/failures.md"));
        assertThat(found("(?<=\n### )Millrace\\w+", guide)).isEqualTo(alerts());
        Path custom = FOLDER.resolve("prometheusrule.yaml");
        if (Boolean.getBoolean("millrace.docs.write")) {
            String header = Files.readString(custom).replaceFirst("(?s)(\nspec:\n).*", "$1");
            String rules = Files.readString(FOLDER.resolve("rules.yaml"));
            String groups = rules.substring(rules.indexOf("groups:"));
            Files.writeString(custom, header + groups.replaceAll("(?m)^(?=.)", "  "));
        }
        assertThat(read("prometheusrule.yaml").path("spec"))
                .as("-Dmillrace.docs.write=true makes %s anew", custom)
                .isEqualTo(read("rules.yaml"));
    }

    @Test
    void aPanelSaysWhatItShowsAndInWhichUnit() throws Exception {
        Set<Integer> ids = new TreeSet<>();
        for (JsonNode panel : panels()) {
            String title = panel.path("title").asText();
            assertThat(title).isNotBlank();
            assertThat(panel.path("description").asText()).as(title).endsWith(".");
            assertThat(panel.at("/fieldConfig/defaults/unit").asText()).as(title).isNotBlank();
            assertThat(panel.path("targets")).as(title).isNotEmpty();
            assertThat(panel.at("/datasource/uid").asText()).isEqualTo("${datasource}");
            assertThat(ids.add(panel.path("id").asInt())).as(title).isTrue();
        }
        Set<String> used = found("\\$(?!__)\\{?\\w+", read("dashboard.json").toString());
        assertThat(used).containsExactlyInAnyOrder("$job", "${datasource");
    }

    @Test
    void everyPanelsQueryGivesAFiniteSeriesUnderLoad() throws Exception {
        int port = FreePorts.next();
        Path conf = configuration(port);
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder.resolve("kafka"))) {
            TestingTopics topics = new TestingTopics(kafka.bootstrapServers(), "load", 2);
            send(topics, 20_000);
            List<String> arguments = new ArrayList<>();
            arguments.add("run");
            arguments.add("--model=" + ROOT.resolve("models/triage"));
            arguments.add("--application-id=monitored");
            arguments.add("--checkpoint-interval=500ms");
            arguments.addAll(topics.options());
            try (TestingProcess run =
                            TestingProcess.millrace(
                                    folder.resolve("data"),
                                    Map.of("MILLRACE_CONF", conf.toString()),
                                    arguments.toArray(String[]::new));
                    TestingPrometheus prometheus =
                            new TestingPrometheus(
                                    folder.resolve("prometheus"),
                                    port,
                                    FOLDER.resolve("rules.yaml"))) {
                String ui = run.awaitLine("Web UI", LIMIT).replaceFirst("Web UI +", "").strip();
                run.awaitLine("Running.", LIMIT);
                awaitFinite(prometheus);
                allNamesExist(prometheus);
                allRulesAreHealthy(prometheus);
                topShowsTheSame(ui);
            }
        }
    }

    private void topShowsTheSame(String ui) throws Exception {
        try (TestingProcess top =
                TestingProcess.millrace(
                        folder.resolve("data"),
                        "top",
                        "--once",
                        "--job=monitored",
                        "--address=" + ui)) {
            assertThat(top.exitCode(LIMIT)).as(String.join("\n", top.lines())).isZero();
            String shown = String.join("\n", top.lines());
            System.out.println(shown);
            assertThat(shown)
                    .containsPattern("monitored \\([0-9a-f]{32}\\) is RUNNING")
                    .contains("model triage, 1 engine")
                    .containsPattern("answers +[1-9][0-9.]* /s")
                    .containsPattern("dead letters +[1-9][0-9,]* +invalid_parameter")
                    .containsPattern("tokens +[1-9][0-9.]* /s")
                    .containsPattern("in flight +[1-9][0-9,]* +[1-9][0-9,]* not read")
                    .containsPattern("occupancy +[1-9][0-9]* %")
                    .containsPattern("first token \\(ms\\) +[1-9][0-9,]* +[1-9]")
                    .containsPattern("output token \\(µs\\) +[1-9]")
                    .containsPattern("checkpoint +[0-9.]+ s ago")
                    .doesNotContain("\u001b");
        }
    }

    /** Requests of all classes of priorities, and some that cannot be answered. */
    private static void send(TestingTopics topics, int requests) {
        String value =
                """
                {"id":"%d","prompt":"Dear friend, offer number %d","max_tokens":%d,"ignore_eos":true,"priority":%d}""";
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        ClientProperties.producer(topics.bootstrapServers, Map.of()),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int i = 0; i < requests; i++) {
                String request = value.formatted(i, i, i % 17 == 0 ? -1 : 54, i % 3 - 1);
                producer.send(new ProducerRecord<>(topics.input, i % 2, null, request));
            }
        }
    }

    private Path configuration(int port) throws IOException {
        Path conf = Files.createDirectories(folder.resolve("conf"));
        String settings = Files.readString(ROOT.resolve("flink-conf/config.yaml"));
        String own = settings.replace("port: 9249-9299", "port: " + port);
        assertThat(own).isNotEqualTo(settings);
        Files.writeString(conf.resolve("config.yaml"), own);
        return conf;
    }

    private static void awaitFinite(TestingPrometheus prometheus) throws Exception {
        Map<String, String> missing = queries();
        assertThat(missing).hasSizeGreaterThan(30);
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            for (String name : List.copyOf(missing.keySet())) {
                if (prometheus.values(missing.get(name)).stream().anyMatch(Double::isFinite)) {
                    missing.remove(name);
                }
            }
            if (missing.isEmpty()) {
                return;
            }
            assertThat(System.nanoTime())
                    .as("%s\n%s", missing, prometheus.log())
                    .isLessThan(deadline);
            Thread.sleep(500);
        }
    }

    private static void allNamesExist(TestingPrometheus prometheus) throws Exception {
        Set<String> there = new TreeSet<>();
        prometheus
                .get("/api/v1/label/__name__/values")
                .path("data")
                .forEach(name -> there.add(name.asText()));
        for (String file : List.of("dashboard.json", "rules.yaml")) {
            Set<String> used = found("flink_\\w+", Files.readString(FOLDER.resolve(file)));
            assertThat(used).isNotEmpty();
            assertThat(there).as(file).containsAll(used);
        }
    }

    private static void allRulesAreHealthy(TestingPrometheus prometheus) throws Exception {
        Set<String> healthy = new TreeSet<>();
        for (JsonNode group : prometheus.get("/api/v1/rules").at("/data/groups")) {
            for (JsonNode rule : group.path("rules")) {
                assertThat(rule.path("health").asText()).as("%s", rule).isEqualTo("ok");
                healthy.add(rule.path("name").asText());
            }
        }
        assertThat(healthy).isEqualTo(alerts());
    }
}
