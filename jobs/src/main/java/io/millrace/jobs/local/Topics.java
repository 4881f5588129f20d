package io.millrace.jobs.local;

import io.millrace.operators.kafka.admin.ClientProperties;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.TopicExistsException;

/** Creates and deletes topics of one cluster. Owns an admin client. */
public final class Topics implements AutoCloseable {

    private static final long PATIENCE_MS = 15_000;

    private final Admin admin;

    /**
     * @param client further client settings, such as those of TLS and SASL
     */
    public Topics(String bootstrapServers, Map<String, String> client) {
        admin = Admin.create(ClientProperties.admin(bootstrapServers, client));
    }

    /** Creates a topic with the cluster's default settings, unless it exists. */
    public void createIfAbsent(String name, int partitions) {
        createIfAbsent(name, partitions, Map.of());
    }

    /** Creates a topic unless it exists; an existing one is not changed. */
    public void createIfAbsent(String name, int partitions, Map<String, String> settings) {
        NewTopic topic = new NewTopic(name, Optional.of(partitions), Optional.empty());
        try {
            get(admin.createTopics(List.of(topic.configs(settings))).all());
        } catch (TopicExistsException e) {
            return;
        }
        // Brokers learn of it with a delay, and a job that starts before would not find it.
        awaitPresence(name, true);
    }

    /** Deletes topics; waits until they are gone from the cluster. */
    public void delete(String... names) {
        get(admin.deleteTopics(List.of(names)).all());
        for (String name : names) {
            awaitPresence(name, false);
        }
    }

    /** Names of all topics but Kafka's internal ones. */
    public Set<String> names() {
        return get(admin.listTopics().names());
    }

    private void awaitPresence(String name, boolean present) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (names().contains(name) != present) {
            if (System.nanoTime() - deadline > 0) {
                throw new KafkaException(
                        "topic " + name + (present ? " did not appear" : " is still there"));
            }
            Thread.onSpinWait();
        }
    }

    private static <V> V get(KafkaFuture<V> future) {
        try {
            return future.get(PATIENCE_MS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new KafkaException(e.getCause());
        } catch (TimeoutException e) {
            throw new KafkaException("Kafka does not answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KafkaException("interrupted while waiting for Kafka", e);
        }
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
