package io.millrace.jobs.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.jobs.TestingProcess;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every overlay of {@code k8s/}, rendered as {@code kubectl apply -k} does, is what the API server,
 * the operators and the job itself take; and typos are found. Needs {@code kubectl} and, for Kafka,
 * a JDK 21 or later; without them tests are left out, unless {@code CI} is set.
 */
class KubernetesManifestsITCase {
    private static final Path ROOT = TestingProcess.root();
    private static final List<String> OVERLAYS = List.of("dev", "gpu", "prod");
    private static final Map<String, String> STRIMZI =
            Map.of(
                    "Kafka", "kafka.Kafka",
                    "KafkaNodePool", "nodepool.KafkaNodePool",
                    "KafkaTopic", "topic.KafkaTopic",
                    "KafkaUser", "user.KafkaUser");

    private static final CustomResources CUSTOM = new CustomResources();
    private static final CoreKinds CORE = new CoreKinds();
    private static final Map<String, Overlay> RENDERED = new HashMap<>();

    @TempDir static Path folder;

    @BeforeAll
    static void render() throws Exception {
        Kubectl kubectl = Kubectl.find();
        for (String name : OVERLAYS) {
            RENDERED.put(name, Overlay.render(kubectl, ROOT, name));
        }
        CUSTOM.add(flinkDeployment());
        strimzi();
    }

    /** That of {@code -Dmillrace.crds}; else the newest that Maven has, with the new version. */
    private static JsonNode flinkDeployment() throws IOException {
        String crds = System.getProperty("millrace.crds");
        return crds != null
                ? Overlay.YAML.readTree(Path.of(crds, "flinkdeployments.yml").toFile())
                : CustomResources.extended(older(), "flinkVersion", "v2_3");
    }

    /** One that lacks this version of Flink: of {@code -Dmillrace.crds.older}, or Maven's. */
    private static JsonNode older() throws IOException {
        String crds = System.getProperty("millrace.crds.older");
        if (crds != null) {
            return Overlay.YAML.readTree(Path.of(crds, "flinkdeployments.yml").toFile());
        }
        String name = "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml";
        try (InputStream in = CustomResources.class.getClassLoader().getResourceAsStream(name)) {
            return Overlay.YAML.readTree(in);
        }
    }

    /** Strimzi's generator writes them, in a JVM of its own. */
    private static void strimzi() throws Exception {
        List<String> command = new ArrayList<>();
        command.add(java21());
        command.add("-cp");
        command.add(String.join(File.pathSeparator, jars()));
        command.add("io.strimzi.crdgenerator.CrdGenerator");
        command.addAll(List.of("--yaml", "--crd-api-version", "v1", "--target-kube", "1.32+"));
        STRIMZI.forEach(
                (kind, type) ->
                        command.add(
                                "io.strimzi.api.kafka.model."
                                        + type
                                        + "="
                                        + folder.resolve(kind + ".yaml")));
        Kubectl.run(command);
        for (String kind : STRIMZI.keySet()) {
            CUSTOM.add(Overlay.YAML.readTree(folder.resolve(kind + ".yaml").toFile()));
        }
    }

    private static List<String> jars() throws IOException {
        Path strimzi = ROOT.resolve("jobs/target/strimzi");
        try (Stream<Path> files = Files.list(strimzi)) {
            return files.map(Path::toString).sorted().toList();
        }
    }

    private static String java21() throws IOException {
        List<Path> homes = new ArrayList<>();
        homes.add(Path.of(System.getProperty("java.home")));
        Path installed = Path.of("/usr/lib/jvm");
        if (Files.isDirectory(installed)) {
            try (Stream<Path> each = Files.list(installed)) {
                each.sorted().forEach(homes::add);
            }
        }
        for (Path home : homes) {
            Path release = home.resolve("release");
            if (Files.exists(release)) {
                String version =
                        Files.readString(release)
                                .replaceFirst("(?s).*JAVA_VERSION=\"(\\d+).*", "$1");
                if (version.matches("\\d+") && Integer.parseInt(version) >= 21) {
                    return home.resolve("bin/java").toString();
                }
            }
        }
        Kubectl.unavailable("There is no JDK 21 or later in /usr/lib/jvm for Strimzi's generator.");
        throw new AssertionError();
    }

    private static List<String> problems(Overlay overlay) throws IOException {
        List<String> problems = new ArrayList<>();
        for (ObjectNode object : overlay.objects()) {
            if (CUSTOM.knows(object)) {
                problems.addAll(CUSTOM.problems(object));
            } else if (CORE.knows(object)) {
                problems.addAll(CORE.problems(object));
            } else {
                problems.add("Nothing is known of " + object.path("kind"));
            }
        }
        // Names are looked up in objects that are well formed.
        return problems.isEmpty() ? Consistency.problems(overlay, ROOT) : problems;
    }

    @ParameterizedTest
    @ValueSource(strings = {"dev", "gpu", "prod"})
    void anOverlayIsValidAndConsistent(String name) throws Exception {
        assertThat(problems(RENDERED.get(name))).isEmpty();
    }

    /** Replaces the value at a JSON pointer, or renames its field if {@code name} is not null. */
    private record Typo(String overlay, String object, String at, String name, Object value) {
        static Typo name(String overlay, String object, String at, String name) {
            return new Typo(overlay, object, at, name, null);
        }

        static Typo value(String overlay, String object, String at, Object value) {
            return new Typo(overlay, object, at, null, value);
        }

        /** By the wrong name, the wrong value, or the place where it is. */
        boolean isNamedBy(String problem) {
            String wrong = name != null ? name : value.toString().replaceFirst("^--[^=]*=", "");
            return problem.contains(wrong)
                    || problem.contains(value + "")
                    || problem.startsWith(at)
                    || problem.contains(wrong.replaceFirst("=.*", ""));
        }

        Overlay seeded() {
            Overlay copy = RENDERED.get(overlay).copy();
            String[] names = object.split(" ");
            ObjectNode target =
                    copy.of(names[0])
                            .filter(
                                    each ->
                                            each.at("/metadata/name")
                                                    .asText()
                                                    .startsWith(names[names.length - 1]))
                            .findFirst()
                            .orElseThrow();
            int last = at.lastIndexOf('/');
            JsonNode parent = target.at(at.substring(0, last));
            String field = at.substring(last + 1).replace("~1", "/");
            assertThat(target.at(at).isMissingNode()).as(toString()).isFalse();
            if (name != null) {
                ((ObjectNode) parent).set(name, ((ObjectNode) parent).remove(field));
            } else if (parent instanceof ArrayNode array) {
                array.set(Integer.parseInt(field), Overlay.YAML.<JsonNode>valueToTree(value));
            } else {
                ((ObjectNode) parent).set(field, Overlay.YAML.<JsonNode>valueToTree(value));
            }
            return copy;
        }
    }

    private static final String FLINK = "FlinkDeployment millrace";
    private static final String SETTINGS = "/spec/flinkConfiguration/";

    private static final List<Typo> TYPOS =
            List.of(
                    Typo.value("prod", FLINK, "/spec/flinkVersion", "v2_33"),
                    Typo.name("prod", FLINK, "/spec/job/parallelism", "paralellism"),
                    Typo.value("dev", FLINK, "/spec/job/upgradeMode", "savepoints"),
                    Typo.name(
                            "gpu",
                            FLINK,
                            "/spec/podTemplate/spec/securityContext/runAsNonRoot",
                            "runAsNonroot"),
                    Typo.value(
                            "gpu",
                            FLINK,
                            "/spec/podTemplate/spec/containers/0/volumeMounts/0/name",
                            "tpm"),
                    Typo.name(
                            "prod",
                            FLINK,
                            SETTINGS + "execution.checkpointing.interval",
                            "execution.checkpointing.intervall"),
                    Typo.value("dev", FLINK, SETTINGS + "execution.checkpointing.timeout", "2mn"),
                    Typo.value("prod", FLINK, "/spec/job/args/4", "--input-topic=prompts"),
                    Typo.value("prod", FLINK, "/spec/job/args/4", "--input-topics=prompt"),
                    Typo.value("gpu", FLINK, "/spec/job/args/7", "--model=/model/llama-3.2-1b"),
                    Typo.value("dev", FLINK, "/spec/serviceAccount", "milrace"),
                    Typo.name("dev", "Kafka millrace-kafka", "/spec/kafka/listeners/0/tls", "tsl"),
                    Typo.value("dev", "KafkaNodePool brokers", "/spec/roles/1", "brokers"),
                    Typo.name("prod", "KafkaTopic answers", "/spec/partitions", "partition"),
                    Typo.value(
                            "prod",
                            "KafkaUser millrace",
                            "/spec/authorization/acls/4/resource/name",
                            "millrace"),
                    Typo.name("prod", "NetworkPolicy millrace", "/spec/podSelector", "podselector"),
                    Typo.value(
                            "prod",
                            "NetworkPolicy millrace",
                            "/spec/podSelector/matchLabels/app",
                            "milrace"),
                    Typo.value(
                            "gpu",
                            "PodMonitor millrace",
                            "/spec/podMetricsEndpoints/0/port",
                            "metric"),
                    Typo.name(
                            "prod",
                            "PodDisruptionBudget millrace-jobmanager",
                            "/spec/minAvailable",
                            "minAvailible"),
                    Typo.value(
                            "dev",
                            "ConfigMap millrace-kafka-client",
                            "/data/kafka.properties",
                            "security.protocl=SASL_SSL"));

    @Test
    void twentyOfTwentyTyposAreFound() throws Exception {
        assertThat(TYPOS).hasSize(20);
        List<Typo> missed = new ArrayList<>();
        for (Typo typo : TYPOS) {
            List<String> problems = problems(typo.seeded());
            if (problems.stream().noneMatch(typo::isNamedBy)) {
                missed.add(typo);
            }
        }
        assertThat(missed).isEmpty();
    }

    /** The image's layers that are ours; {@code dist/} is what the Dockerfile copies. */
    @Test
    void theImageAddsAtMost80Megabytes() throws Exception {
        long bytes = 0;
        for (String below : List.of("dist", "dist/lib")) {
            try (Stream<Path> files = Files.list(ROOT.resolve(below))) {
                for (Path jar : files.filter(each -> each.toString().endsWith(".jar")).toList()) {
                    bytes += Files.size(jar);
                }
            }
        }
        assertThat(bytes).isBetween(40_000_000L, 80_000_000L);
    }

    /** What k8s/README.md says of the CRDs: the version is all that an older one refuses. */
    @Test
    void aDefinitionWithoutTheVersionOfFlinkRefusesJustThat() throws Exception {
        CustomResources older = new CustomResources();
        older.add(older());
        assertThat(older.problems(RENDERED.get("prod").only("FlinkDeployment")))
                .singleElement()
                .asString()
                .contains("/spec/flinkVersion");
    }
}
