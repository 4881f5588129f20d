package io.millrace.operators.kafka.admin;

import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Queries a cluster, and explains failures. Owns an admin client. All methods throw {@link
 * KafkaSetupException} with the remedy.
 */
final class ClusterAdmin implements AutoCloseable {

    private static final long PATIENCE_MS = 15_000;

    private final KafkaSettings settings;
    private final Admin admin;
    private final long patienceMs;

    ClusterAdmin(KafkaSettings settings) {
        this.settings = settings;
        ClientProperties.check(settings);
        Properties properties =
                ClientProperties.admin(settings.bootstrapServers(), settings.client());
        properties.putIfAbsent("request.timeout.ms", "10000");
        properties.putIfAbsent("default.api.timeout.ms", Long.toString(PATIENCE_MS));
        try {
            admin = Admin.create(properties);
        } catch (KafkaException e) {
            throw noClient(e);
        }
        patienceMs = Long.parseLong(properties.getProperty("default.api.timeout.ms").strip());
    }

    private KafkaSetupException noClient(KafkaException e) {
        Throwable root = e;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        String tls = TlsRefusal.sentence(settings.bootstrapServers(), settings.client(), e);
        if (tls != null) {
            return new KafkaSetupException(tls, e);
        }
        return new KafkaSetupException(
                "No Kafka client can be made for "
                        + settings.bootstrapServers()
                        + ": "
                        + KafkaSetupException.ended(root.getMessage()),
                e);
    }

    /** Timeout of a query, in milliseconds. */
    long patienceMs() {
        return patienceMs;
    }

    /** One of the brokers. */
    Node node() {
        return get(admin.describeCluster().nodes(), "describe the cluster").iterator().next();
    }

    /** Names of all topics that this user sees. */
    Set<String> topics() {
        return get(admin.listTopics().names(), "list topics");
    }

    /** The missing ones of some topics. */
    Set<String> missing(Collection<String> topics) {
        Set<String> missing = new TreeSet<>();
        admin.describeTopics(topics)
                .topicNameValues()
                .forEach(
                        (name, described) -> {
                            try {
                                get(described, "describe topic " + name);
                            } catch (KafkaSetupException e) {
                                if (!means(e, UnknownTopicOrPartitionException.class)) {
                                    throw e;
                                }
                                missing.add(name);
                            }
                        });
        return missing;
    }

    /** Creates topics, which may exist by now. */
    void create(Collection<NewTopic> topics) {
        for (Map.Entry<String, KafkaFuture<Void>> made :
                admin.createTopics(topics).values().entrySet()) {
            try {
                get(made.getValue(), "create topic " + made.getKey());
            } catch (KafkaSetupException e) {
                if (!means(e, TopicExistsException.class)) {
                    throw e;
                }
            }
        }
    }

    private static boolean means(KafkaSetupException e, Class<?> kafkas) {
        return Arrays.stream(e.getSuppressed()).anyMatch(kafkas::isInstance);
    }

    /** A topic with the rights that this user has on it. */
    TopicDescription describe(String topic) {
        DescribeTopicsOptions withRights =
                new DescribeTopicsOptions().includeAuthorizedOperations(true);
        Map<String, KafkaFuture<TopicDescription>> described =
                admin.describeTopics(List.of(topic), withRights).topicNameValues();
        return get(described.get(topic), "describe topic " + topic);
    }

    /** The settings of a topic or a broker. */
    Config config(ConfigResource.Type type, String name) {
        ConfigResource resource = new ConfigResource(type, name);
        return get(
                admin.describeConfigs(List.of(resource)).values().get(resource),
                "read the settings of " + type.name().toLowerCase(Locale.ROOT) + " " + name);
    }

    /** A setting as text. */
    static String value(Config config, String key, String otherwise) {
        ConfigEntry entry = config.get(key);
        return entry == null || entry.value() == null ? otherwise : entry.value();
    }

    /** A setting as a whole number. */
    static long number(Config config, String key, long otherwise) {
        return Long.parseLong(value(config, key, Long.toString(otherwise)));
    }

    private <V> V get(KafkaFuture<V> future, String action) {
        try {
            return future.get(patienceMs, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw refused(action, e.getCause());
        } catch (TimeoutException e) {
            throw refused(action, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KafkaSetupException("Interrupted while asking Kafka to " + action + ".", e);
        }
    }

    private KafkaSetupException refused(String action, Throwable thrown) {
        String servers = settings.bootstrapServers();
        if (thrown instanceof UnknownTopicOrPartitionException) {
            String topic = action.substring(action.lastIndexOf(' ') + 1);
            return new KafkaSetupException(
                    "Topic "
                            + topic
                            + " does not exist at "
                            + servers
                            + ": create it:\n"
                            + TopicCommand.of(servers, settings.client())
                            + " --create --topic "
                            + topic,
                    thrown);
        }
        if (thrown instanceof TimeoutException
                || thrown instanceof org.apache.kafka.common.errors.TimeoutException) {
            return new KafkaSetupException(
                    "Kafka at "
                            + servers
                            + " does not answer: check the bootstrap servers, and that TLS and SASL"
                            + " settings match the port.",
                    thrown);
        }
        String tls = TlsRefusal.sentence(servers, settings.client(), thrown);
        if (tls != null) {
            return new KafkaSetupException(tls, thrown);
        }
        if (thrown instanceof AuthenticationException) {
            return new KafkaSetupException(
                    "Kafka at "
                            + servers
                            + " refused the credentials: "
                            + KafkaSetupException.ended(thrown.getMessage()),
                    thrown);
        }
        if (thrown instanceof AuthorizationException) {
            return new KafkaSetupException(
                    "This user may not " + action + " at " + servers + ": grant it the right.",
                    thrown);
        }
        return new KafkaSetupException(
                "Kafka at "
                        + servers
                        + " did not "
                        + action
                        + ": "
                        + KafkaSetupException.ended(thrown.getMessage()),
                thrown);
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
