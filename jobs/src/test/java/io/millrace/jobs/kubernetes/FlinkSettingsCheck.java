package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.client.cli.ArtifactFetchOptions;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.ExternalResourceOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.kubernetes.configuration.KubernetesConfigOptions;

/** Settings in manifests: each is one that Flink has, and its value one that it takes. */
final class FlinkSettingsCheck {
    private static final List<Class<?>> OPTIONS =
            List.of(
                    ArtifactFetchOptions.class,
                    CheckpointingOptions.class,
                    CoreOptions.class,
                    ExternalResourceOptions.class,
                    HighAvailabilityOptions.class,
                    JobManagerOptions.class,
                    KubernetesConfigOptions.class,
                    PipelineOptions.class,
                    RestOptions.class,
                    RestartStrategyOptions.class,
                    StateBackendOptions.class,
                    TaskManagerOptions.class,
                    WebOptions.class);

    /** Those that Flink has no option for: of a reporter, of a resource, of the operator. */
    private static final Set<String> OTHERS =
            Set.of(
                    "metrics.reporter.prom.factory.class",
                    "metrics.reporter.prom.port",
                    "external-resource.gpu.amount",
                    "external-resource.gpu.driver-factory.class",
                    "external-resource.gpu.kubernetes.config-key",
                    "kubernetes.operator.pod-template.merge-arrays-by-name");

    /** Settings of flink-conf that are for one machine, or stand elsewhere in a manifest. */
    private static final Set<String> ONE_MACHINE =
            Set.of(
                    "env.java.opts.all",
                    "env.java.default-opts.all",
                    "jobmanager.rpc.address",
                    "jobmanager.rpc.port",
                    "jobmanager.memory.process.size",
                    "taskmanager.memory.process.size",
                    "parallelism.default",
                    "execution.checkpointing.dir",
                    "execution.checkpointing.savepoint-dir",
                    // A process a pod.
                    "metrics.reporter.prom.port",
                    "rest.address",
                    "rest.bind-address");

    private FlinkSettingsCheck() {}

    private static Map<String, ConfigOption<?>> known() {
        Map<String, ConfigOption<?>> known = new HashMap<>();
        for (Class<?> options : OPTIONS) {
            for (Field field : options.getFields()) {
                if (Modifier.isStatic(field.getModifiers())
                        && ConfigOption.class.isAssignableFrom(field.getType())) {
                    try {
                        ConfigOption<?> option = (ConfigOption<?>) field.get(null);
                        known.put(option.key(), option);
                    } catch (IllegalAccessException e) {
                        throw new IllegalStateException(e);
                    }
                }
            }
        }
        return known;
    }

    static void check(JsonNode manifest, Path root, List<String> problems) throws IOException {
        Map<String, String> settings = new HashMap<>();
        manifest.fields().forEachRemaining(e -> settings.put(e.getKey(), e.getValue().asText()));
        Configuration configuration = Configuration.fromMap(settings);
        Map<String, ConfigOption<?>> known = known();
        for (String key : settings.keySet()) {
            if (!OTHERS.contains(key)) {
                value(known.get(key), key, configuration, problems);
            }
        }
        for (ConfigOption<?> needed :
                List.of(
                        CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                        CheckpointingOptions.SAVEPOINT_DIRECTORY,
                        HighAvailabilityOptions.HA_STORAGE_PATH)) {
            if (!settings.containsKey(needed.key())) {
                problems.add("There is no " + needed.key());
            }
        }
        Map<String, String> machine =
                GlobalConfiguration.loadConfiguration(root.resolve("flink-conf").toString())
                        .toMap();
        machine.forEach(
                (key, value) -> {
                    if (!ONE_MACHINE.contains(key) && !value.equals(settings.get(key))) {
                        problems.add(
                                key + " is " + value + " in flink-conf, not " + settings.get(key));
                    }
                });
        String page = Files.readString(root.resolve("docs/running.md"));
        settings.forEach(
                (key, value) -> {
                    if (key.startsWith("external-resource")
                            && !key.endsWith("config-key")
                            && !page.contains(key + ": " + value + "\n")) {
                        problems.add(key + ": " + value + " is not what docs/running.md has");
                    }
                });
        String reporter = settings.getOrDefault("metrics.reporter.prom.factory.class", "");
        try {
            Class.forName(reporter);
        } catch (ClassNotFoundException e) {
            problems.add("There is no reporter " + reporter);
        }
    }

    private static void value(
            ConfigOption<?> option, String key, Configuration settings, List<String> problems) {
        if (option == null) {
            problems.add("Flink has no setting " + key);
            return;
        }
        try {
            settings.get(option);
        } catch (RuntimeException e) {
            problems.add(key + ": " + e.getMessage());
        }
    }

    /** What the job would say of a file of Kafka settings. */
    static List<String> kafka(Properties properties) {
        KafkaSettings.Builder settings =
                KafkaSettings.builder()
                        .topics("prompts")
                        .outputTopic("answers")
                        .deadLetterTopic("dead-letters")
                        .applicationId("millrace");
        properties
                .stringPropertyNames()
                .forEach(key -> settings.client(key, properties.getProperty(key)));
        try {
            return settings.build().notes();
        } catch (IllegalArgumentException e) {
            return List.of(e.getMessage());
        }
    }
}
