package io.millrace.operators.kafka.admin;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigResource;

/** Checks a cluster and its topics before a job starts. */
final class TopicInspector implements AutoCloseable {

    private static final int USUAL_TRANSACTION_TIMEOUT_MS = 900_000;

    private final KafkaSettings settings;
    private final ClusterAdmin cluster;

    TopicInspector(KafkaSettings settings) {
        this.settings = settings;
        this.cluster = new ClusterAdmin(settings);
    }

    /** Checks everything for a job of a parallelism, and returns the limits. */
    TopicLimits inspect(int parallelism) {
        Node node = cluster.node();
        Set<String> missing = missing();
        if (!missing.isEmpty()) {
            throw new KafkaSetupException(
                    MissingTopics.sentence(
                            missing,
                            settings.bootstrapServers(),
                            settings.client(),
                            parallelism,
                            true));
        }
        Set<String> inputs = inputs();
        for (String sink : List.of(settings.outputTopic(), settings.deadLetterTopic())) {
            if (settings.reads(sink)) {
                throw new KafkaSetupException(
                        "Topic "
                                + sink
                                + " is written and read by the same job, which would never end:"
                                + " change the input, output or dead-letter topic.");
            }
        }
        SortedMap<String, Integer> counts = new TreeMap<>();
        inputs.forEach(input -> counts.put(input, readablePartitions(input)));
        int partitions = counts.values().stream().mapToInt(Integer::intValue).sum();
        if (partitions < parallelism) {
            throw new KafkaSetupException(
                    "Input "
                            + String.join(", ", inputs)
                            + " has "
                            + partitions
                            + (partitions == 1 ? " partition" : " partitions")
                            + ", fewer than the parallelism of "
                            + parallelism
                            + ": lower the parallelism, or add partitions:\n"
                            + command()
                            + " --alter --topic "
                            + inputs.iterator().next()
                            + " --partitions "
                            + (parallelism - partitions + counts.get(inputs.iterator().next())));
        }
        requireWritable(settings.outputTopic());
        requireWritable(settings.deadLetterTopic());
        TopicLimits.Topic output = topic(settings.outputTopic());
        TopicLimits.Topic deadLetter = topic(settings.deadLetterTopic());
        if (settings.outputPartition() == OutputPartition.SAME) {
            counts.forEach(
                    (input, count) -> {
                        output.requirePartitions(count, input, settings);
                        deadLetter.requirePartitions(count, input, settings);
                    });
        }
        return new TopicLimits(
                output, deadLetter, maxRequestBytes(), transactionTimeoutMs(node), counts);
    }

    /** The job's named topics that do not exist. */
    private Set<String> missing() {
        Set<String> named = new TreeSet<>(settings.topics());
        named.add(settings.outputTopic());
        named.add(settings.deadLetterTopic());
        return cluster.missing(named);
    }

    /**
     * Creates the missing topics with the cluster's default settings.
     *
     * @return their names
     */
    Set<String> create(int parallelism) {
        Set<String> missing = missing();
        List<NewTopic> topics =
                missing.stream()
                        .map(
                                name ->
                                        new NewTopic(
                                                name,
                                                Optional.of(MissingTopics.partitions(parallelism)),
                                                Optional.empty()))
                        .toList();
        cluster.create(topics);
        // Brokers learn of new topics with a delay.
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(cluster.patienceMs());
        while (!missing().isEmpty() && System.nanoTime() - end < 0) {
            Thread.onSpinWait();
        }
        return missing;
    }

    private Set<String> inputs() {
        if (settings.topicPattern() == null) {
            return new TreeSet<>(settings.topics());
        }
        Set<String> names = new TreeSet<>(cluster.topics());
        names.removeIf(name -> !settings.reads(name));
        if (names.isEmpty()) {
            throw new KafkaSetupException(
                    "No topic matches the pattern "
                            + settings.topicPattern()
                            + ": create one, or change the pattern.");
        }
        return names;
    }

    private int readablePartitions(String topic) {
        TopicDescription description = cluster.describe(topic);
        require(description, AclOperation.READ);
        return description.partitions().size();
    }

    /** The sink also reads the transactions of its topics, which takes the right to read. */
    private void requireWritable(String topic) {
        TopicDescription description = cluster.describe(topic);
        require(description, AclOperation.WRITE);
        if (settings.delivery() == DeliveryGuarantee.EXACTLY_ONCE) {
            require(description, AclOperation.READ);
        }
    }

    /** Checks a right at the start, as a task would fail by it again after each restart. */
    private void require(TopicDescription topic, AclOperation operation) {
        Set<AclOperation> rights = topic.authorizedOperations();
        // Old brokers do not report rights.
        if (rights != null && !rights.contains(operation)) {
            throw new KafkaSetupException(
                    "This user may not "
                            + operation.name().toLowerCase(Locale.ROOT)
                            + (operation == AclOperation.READ ? " " : " to ")
                            + "topic "
                            + topic.name()
                            + " at "
                            + settings.bootstrapServers()
                            + ": grant it the right (kafka-acls --add --operation "
                            + operation.name()
                            + " --topic "
                            + topic.name()
                            + ").");
        }
    }

    /** The limits of an output topic. */
    TopicLimits.Topic topic(String name) {
        Config config = cluster.config(ConfigResource.Type.TOPIC, name);
        if (ClusterAdmin.value(config, "cleanup.policy", "delete").contains("compact")) {
            throw new KafkaSetupException(
                    "Topic "
                            + name
                            + " is compacted, but an answer has a key only if its request has one:"
                            + " set its cleanup.policy to delete, or name another topic.");
        }
        int maxMessageBytes = (int) ClusterAdmin.number(config, "max.message.bytes", 1_048_588);
        if (maxMessageBytes < TopicLimits.LEAST_BYTES) {
            throw new KafkaSetupException(
                    "Topic "
                            + name
                            + " takes records of at most "
                            + maxMessageBytes
                            + " bytes (max.message.bytes): set it to at least "
                            + TopicLimits.LEAST_BYTES
                            + ".");
        }
        boolean brokerTime =
                "LogAppendTime"
                        .equals(ClusterAdmin.value(config, "message.timestamp.type", "CreateTime"));
        String compression = ClusterAdmin.value(config, "compression.type", "producer");
        return new TopicLimits.Topic(
                name,
                cluster.describe(name).partitions().size(),
                maxMessageBytes,
                producerCompresses() || !Set.of("producer", "uncompressed").contains(compression),
                brokerTime
                        ? Long.MAX_VALUE
                        : ClusterAdmin.number(
                                config, "message.timestamp.before.max.ms", Long.MAX_VALUE),
                brokerTime
                        ? Long.MAX_VALUE
                        : ClusterAdmin.number(
                                config, "message.timestamp.after.max.ms", Long.MAX_VALUE));
    }

    private boolean producerCompresses() {
        return !"none"
                .equals(
                        settings.client()
                                .getOrDefault(ProducerConfig.COMPRESSION_TYPE_CONFIG, "none"));
    }

    /** A producer refuses records above its max.request.size, and above its whole buffer. */
    private int maxRequestBytes() {
        long most =
                Math.min(
                        producerSetting(ProducerConfig.MAX_REQUEST_SIZE_CONFIG),
                        producerSetting(ProducerConfig.BUFFER_MEMORY_CONFIG));
        return (int) Math.min(most, Integer.MAX_VALUE);
    }

    private long producerSetting(String key) {
        ConfigDef.ConfigKey known = ProducerConfig.configDef().configKeys().get(key);
        String given = settings.client().get(key);
        return given == null
                ? ((Number) known.defaultValue).longValue()
                : Long.parseLong(given.strip());
    }

    /** The user's value, else the broker's maximum, else Kafka's default maximum. */
    private int transactionTimeoutMs(Node node) {
        long most = USUAL_TRANSACTION_TIMEOUT_MS;
        boolean readable = true;
        try {
            Config broker = cluster.config(ConfigResource.Type.BROKER, node.idString());
            most = ClusterAdmin.number(broker, "transaction.max.timeout.ms", most);
        } catch (KafkaSetupException e) {
            // A job may lack the right to read a broker's settings.
            readable = false;
        }
        String key = ProducerConfig.TRANSACTION_TIMEOUT_CONFIG;
        if (!settings.client().containsKey(key)) {
            return (int) Math.min(most, Integer.MAX_VALUE);
        }
        long given = producerSetting(key);
        if (readable && given > most && settings.delivery() == DeliveryGuarantee.EXACTLY_ONCE) {
            throw new KafkaSetupException(
                    "Kafka setting "
                            + key
                            + " is "
                            + given
                            + ", above the brokers' transaction.max.timeout.ms of "
                            + most
                            + ": lower the one or raise the other.");
        }
        return (int) Math.min(given, Integer.MAX_VALUE);
    }

    private String command() {
        return TopicCommand.of(settings.bootstrapServers(), settings.client());
    }

    @Override
    public void close() {
        cluster.close();
    }
}
