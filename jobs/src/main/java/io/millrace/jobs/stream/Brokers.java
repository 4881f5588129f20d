package io.millrace.jobs.stream;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.MissingTopics;
import io.millrace.operators.kafka.admin.TlsRefusal;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Checks of a Kafka cluster before a command starts; each error is one sentence. */
public final class Brokers implements AutoCloseable {
    private static final Duration ANSWER = Duration.ofSeconds(15);

    private final KafkaArguments arguments;
    private final Admin admin;

    private Brokers(KafkaArguments arguments, Admin admin) {
        this.arguments = arguments;
        this.admin = admin;
    }

    /** Connects, and fails if no broker answers. */
    public static Brokers connect(KafkaArguments arguments) {
        Properties settings =
                ClientProperties.admin(arguments.bootstrapServers, arguments.clientSettings());
        settings.putIfAbsent(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, "5000");
        settings.putIfAbsent(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, "10000");
        Brokers brokers;
        try {
            brokers = new Brokers(arguments, Admin.create(settings));
        } catch (KafkaException e) {
            String tls =
                    TlsRefusal.sentence(arguments.bootstrapServers, arguments.clientSettings(), e);
            if (tls != null) {
                throw new CommandFailedException(tls, e);
            }
            throw new CommandFailedException(
                    "The Kafka client settings do not do: "
                            + (e.getCause() == null ? e : e.getCause()).getMessage()
                            + " (--bootstrap-servers, --kafka-config and -K).",
                    e);
        }
        try {
            brokers.get(brokers.admin.describeCluster().nodes());
            return brokers;
        } catch (RuntimeException e) {
            brokers.close();
            String tls =
                    TlsRefusal.sentence(arguments.bootstrapServers, arguments.clientSettings(), e);
            throw tls == null ? e : new CommandFailedException(tls, e);
        }
    }

    /** Partitions of each topic; missing topics are an error. */
    public Map<String, Integer> partitions(Collection<String> topics) {
        Map<String, Integer> counts = new TreeMap<>();
        Set<String> missing = new TreeSet<>();
        for (Map.Entry<String, KafkaFuture<TopicDescription>> topic :
                admin.describeTopics(topics).topicNameValues().entrySet()) {
            try {
                counts.put(topic.getKey(), get(topic.getValue()).partitions().size());
            } catch (UnknownTopicOrPartitionException e) {
                missing.add(topic.getKey());
            } catch (KafkaException e) {
                throw new CommandFailedException(
                        "Topic " + topic.getKey() + ": " + e.getMessage(), e);
            }
        }
        if (!missing.isEmpty()) {
            throw new CommandFailedException(
                    arguments.pasteable(
                            MissingTopics.sentence(
                                    missing,
                                    arguments.bootstrapServers,
                                    arguments.clientSettings(),
                                    1,
                                    false)));
        }
        return counts;
    }

    /** Whether this user can see a topic. */
    public boolean has(String topic) {
        try {
            get(admin.describeTopics(List.of(topic)).topicNameValues().get(topic));
            return true;
        } catch (UnknownTopicOrPartitionException | AuthorizationException e) {
            return false;
        }
    }

    /**
     * Largest record batch of a topic, in bytes. Unlimited if this user may not read the topic's
     * settings; the broker then refuses larger ones.
     */
    public int maxMessageBytes(String topic) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try {
            ConfigEntry entry =
                    get(admin.describeConfigs(List.of(resource)).values().get(resource))
                            .get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG);
            return entry == null || entry.value() == null
                    ? Integer.MAX_VALUE
                    : Integer.parseInt(entry.value());
        } catch (AuthorizationException e) {
            return Integer.MAX_VALUE;
        }
    }

    /** Committed offsets of a group; empty if it has none. */
    public Map<TopicPartition, Long> committed(String group) {
        try {
            Map<TopicPartition, OffsetAndMetadata> offsets =
                    get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
            return offsets.entrySet().stream()
                    .filter(entry -> entry.getValue() != null)
                    .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().offset()));
        } catch (GroupIdNotFoundException e) {
            return Map.of();
        }
    }

    private <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(ANSWER.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof org.apache.kafka.common.errors.TimeoutException) {
                throw unreachable(e);
            }
            if (e.getCause() instanceof KafkaException kafka) {
                throw kafka;
            }
            throw new CommandFailedException("Kafka: " + e.getCause().getMessage(), e);
        } catch (TimeoutException e) {
            throw unreachable(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException("Interrupted while asking Kafka.", e);
        }
    }

    private CommandFailedException unreachable(Exception e) {
        return new CommandFailedException(
                "No Kafka broker answers at "
                        + arguments.bootstrapServers
                        + ": is it running, are --bootstrap-servers and the security settings"
                        + " right?",
                e);
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
