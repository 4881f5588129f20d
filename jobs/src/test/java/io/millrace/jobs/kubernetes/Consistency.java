package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.jobs.Millrace;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import picocli.CommandLine;

/** What no schema sees: names and paths of one object of an overlay in another. */
final class Consistency {
    private static final Pattern FILE = Pattern.compile("\\$\\{dir:([^:}]+):([^}]+)}");

    private final Overlay overlay;
    private final Path root;
    private final JsonNode flink;
    private final PodTemplates pods;
    private final List<String> problems = new ArrayList<>();

    private Consistency(Overlay overlay, Path root) {
        this.overlay = overlay;
        this.root = root;
        flink = overlay.only("FlinkDeployment");
        pods = new PodTemplates(flink.path("spec"));
    }

    /** What is wrong; empty if nothing is. */
    static List<String> problems(Overlay overlay, Path root) throws IOException {
        Consistency check = new Consistency(overlay, root);
        check.pods.check(overlay, check.problems);
        check.job();
        check.labels();
        check.ports();
        check.access();
        FlinkSettingsCheck.check(check.flink.at("/spec/flinkConfiguration"), root, check.problems);
        return check.problems;
    }

    private void require(boolean holds, String otherwise) {
        if (!holds) {
            problems.add(otherwise);
        }
    }

    private static Stream<JsonNode> each(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }

    private void job() throws IOException {
        JsonNode job = flink.at("/spec/job");
        String jar = job.path("jarURI").asText().replaceFirst("^local://", "");
        require(
                Files.readString(root.resolve("k8s/Dockerfile")).contains(" " + jar + "\n"),
                "The image has no " + jar);
        require(
                job.path("entryClass").asText().equals(Millrace.class.getName()),
                "entryClass is " + job.path("entryClass"));
        String[] arguments = each(job.path("args")).map(JsonNode::asText).toArray(String[]::new);
        CommandLine.ParseResult run;
        try {
            run = Millrace.commandLine(null).parseArgs(arguments).subcommand();
        } catch (CommandLine.ParameterException e) {
            problems.add(e.getMessage());
            return;
        }
        require(run != null && run.commandSpec().name().equals("run"), "The command is not run");
        List<String> inputs = run.matchedOptionValue("--input-topics", List.of());
        String output = run.matchedOptionValue("--output-topic", "");
        String deadLetters = run.matchedOptionValue("--dead-letter-topic", "");
        String application = run.matchedOptionValue("--application-id", "");
        for (String topic : inputs) {
            topic(topic, job.path("parallelism").asInt());
        }
        topic(output, 1);
        topic(deadLetters, 1);
        Set<String> wanted =
                KafkaRights.documented(root, inputs, List.of(output, deadLetters), application);
        String user = pods.secretAt("/etc/millrace/kafka-user");
        Set<String> given = KafkaRights.of(overlay.get("KafkaUser", user));
        require(given.equals(wanted), "KafkaUser " + user + " may " + given + " and not " + wanted);
        String model = String.valueOf((Object) run.matchedOptionValue("--model", null));
        require(pods.taskManagerHas(model), "Nothing is mounted at --model " + model);
        boolean gpu = flink.at("/spec/flinkConfiguration").has("external-resources");
        require(
                gpu
                        == "cuda"
                                .equals(
                                        String.valueOf(
                                                (Object) run.matchedOptionValue("--device", ""))),
                "--device and external-resources do not go together");
        client(String.valueOf((Object) run.matchedOptionValue("--kafka-config", null)));
        brokers(run.matchedOptionValue("--bootstrap-servers", ""), user);
    }

    private void topic(String name, int partitions) {
        JsonNode topic = overlay.get("KafkaTopic", name);
        int brokers = overlay.only("KafkaNodePool").at("/spec/replicas").asInt();
        require(
                topic.at("/spec/partitions").asInt() >= partitions
                        && topic.at("/spec/replicas").asInt(99) <= brokers,
                "Topic " + name + " with the partitions and brokers wanted is not there: " + topic);
    }

    /** The properties file, and the files that it names. */
    private void client(String file) throws IOException {
        Path path = Path.of(file);
        String map = pods.configMapAt(path.getParent().toString());
        String text =
                overlay.get("ConfigMap", map)
                        .path("data")
                        .path(path.getFileName().toString())
                        .asText();
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        require(!properties.isEmpty(), "There is no " + file);
        problems.addAll(FlinkSettingsCheck.kafka(properties));
        Matcher secret = FILE.matcher(properties.getProperty("sasl.jaas.config", ""));
        require(
                secret.matches()
                        && pods.secretFile(secret.group(1), secret.group(2))
                        && secret.group(1)
                                .equals(
                                        properties.getProperty(
                                                "config.providers.dir.param.allowed.paths")),
                "sasl.jaas.config names no file of a Secret: " + properties);
        Path trust = Path.of(properties.getProperty("ssl.truststore.location", "/none"));
        require(
                pods.secretFile(trust.getParent().toString(), trust.getFileName().toString()),
                "No Secret has " + trust);
    }

    private void brokers(String servers, String user) {
        JsonNode kafka = overlay.only("Kafka");
        String cluster = kafka.at("/metadata/name").asText();
        JsonNode listener = kafka.at("/spec/kafka/listeners/0");
        require(
                servers.equals(cluster + "-kafka-bootstrap:" + listener.path("port").asInt()),
                "--bootstrap-servers is " + servers);
        require(
                listener.path("tls").asBoolean()
                        && listener.at("/authentication/type").asText().equals("scram-sha-512")
                        && kafka.at("/spec/kafka/authorization/type").asText().equals("simple"),
                "Kafka's listener is not secured: " + listener);
        require(
                pods.secretAt("/etc/millrace/kafka-ca").equals(cluster + "-cluster-ca-cert"),
                "The truststore is that of another Kafka");
        require(!overlay.get("KafkaUser", user).isMissingNode(), "There is no KafkaUser " + user);
        for (String kind : List.of("KafkaNodePool", "KafkaTopic", "KafkaUser")) {
            overlay.of(kind)
                    .forEach(
                            object ->
                                    require(
                                            object.at("/metadata/labels/strimzi.io~1cluster")
                                                    .asText()
                                                    .equals(cluster),
                                            "Another Kafka's: " + object.path("metadata")));
        }
        int copies = kafka.at("/spec/kafka/config/min.insync.replicas").asInt();
        int pool = overlay.only("KafkaNodePool").at("/spec/replicas").asInt();
        require(copies >= 1 && copies <= pool, "min.insync.replicas is " + copies);
    }

    /** Selectors of Flink's pods have labels that Flink gives them. */
    private void labels() {
        Map<String, Set<String>> given =
                Map.of(
                        "app", Set.of(flink.at("/metadata/name").asText()),
                        "type", Set.of("flink-native-kubernetes"),
                        "component", Set.of("jobmanager", "taskmanager"));
        overlay.objects().stream()
                .filter(object -> !object.path("kind").asText().equals("ConfigMap"))
                .flatMap(object -> object.findValues("matchLabels").stream())
                .filter(labels -> each(labels).count() > 1 || labels.has("app"))
                .filter(labels -> !labels.has("strimzi.io/cluster"))
                .forEach(
                        labels ->
                                labels.fields()
                                        .forEachRemaining(
                                                label ->
                                                        require(
                                                                given.getOrDefault(
                                                                                label.getKey(),
                                                                                Set.of())
                                                                        .contains(
                                                                                label.getValue()
                                                                                        .asText()),
                                                                "No pod of Flink has " + label)));
        JsonNode own = overlay.only("NetworkPolicy").at("/spec/podSelector/matchLabels");
        require(own.has("app"), "The NetworkPolicy is not of Flink's pods");
        overlay.of("PodDisruptionBudget")
                .forEach(
                        budget ->
                                require(
                                        budget.at("/spec/selector/matchLabels").has("component"),
                                        "A budget of no pods: " + budget));
    }

    private void ports() {
        String metrics = flink.at("/spec/flinkConfiguration/metrics.reporter.prom.port").asText();
        JsonNode endpoint = overlay.only("PodMonitor").at("/spec/podMetricsEndpoints/0");
        require(
                metrics.equals(pods.port(endpoint.path("port").asText())),
                "PodMonitor asks port " + endpoint);
        Set<String> open = new TreeSet<>();
        for (JsonNode rule : overlay.only("NetworkPolicy").at("/spec/ingress")) {
            rule.path("ports").forEach(port -> open.add(port.path("port").asText()));
        }
        require(open.equals(Set.of(metrics, "8081")), "The NetworkPolicy lets in " + open);
        Set<String> out = new TreeSet<>();
        for (JsonNode rule : overlay.only("NetworkPolicy").at("/spec/egress")) {
            rule.path("ports").forEach(port -> out.add(port.path("port").asText()));
        }
        require(
                out.contains(overlay.only("Kafka").at("/spec/kafka/listeners/0/port").asText()),
                "The NetworkPolicy does not let out to Kafka: " + out);
    }

    private void access() {
        String account = flink.at("/spec/serviceAccount").asText();
        JsonNode binding = overlay.only("RoleBinding");
        require(
                !overlay.get("ServiceAccount", account).isMissingNode()
                        && binding.at("/subjects/0/name").asText().equals(account)
                        && !overlay.get("Role", binding.at("/roleRef/name").asText())
                                .isMissingNode(),
                "ServiceAccount " + account + " has no role");
    }
}
