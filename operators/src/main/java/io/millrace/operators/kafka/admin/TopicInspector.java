package io.millrace.operators.kafka.admin;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Looks at a cluster and its topics before a job starts. Owns an admin client. */
final class TopicInspector implements AutoCloseable {

    private static final long PATIENCE_MS = 15_000;
    private static final int USUAL_TRANSACTION_TIMEOUT_MS = 900_000;

    private final KafkaSettings settings;
    private final Admin admin;
    private final long patienceMs;

    TopicInspector(KafkaSettings settings) {
        this.settings = settings;
        ClientProperties.check(settings);
        Properties properties =
                ClientProperties.admin(settings.bootstrapServers(), settings.client());
        properties.putIfAbsent("request.timeout.ms", "10000");
        properties.putIfAbsent("default.api.timeout.ms", Long.toString(PATIENCE_MS));
        try {
            admin = Admin.create(properties);
        } catch (KafkaException e) {
            Throwable root = e;
            while (root.getCause() != null && root.getCause() != root) {
                root = root.getCause();
            }
            String tls = TlsRefusal.sentence(settings.bootstrapServers(), settings.client(), e);
            if (tls != null) {
                throw new KafkaSetupException(tls, e);
            }
            throw new KafkaSetupException(
                    "No Kafka client can be made for "
                            + settings.bootstrapServers()
                            + ": "
                            + KafkaSetupException.ended(root.getMessage()),
                    e);
        }
        patienceMs = Long.parseLong(properties.getProperty("default.api.timeout.ms").strip());
    }

    TopicLimits inspect(int parallelism) {
        Node node = answeringNode();
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

    /** Topics of the job that have a name and are not there. */
    private Set<String> missing() {
        Set<String> named = new TreeSet<>(settings.topics());
        named.add(settings.outputTopic());
        named.add(settings.deadLetterTopic());
        Set<String> missing = new TreeSet<>();
        admin.describeTopics(named)
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

    private static boolean means(KafkaSetupException e, Class<?> kafkas) {
        return Arrays.stream(e.getSuppressed()).anyMatch(kafkas::isInstance);
    }

    /**
     * Makes those that are not there, with the cluster's own settings.
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
        // Brokers learn of them a moment later.
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
        while (!missing().isEmpty() && System.nanoTime() - end < 0) {
            Thread.onSpinWait();
        }
        return missing;
    }

    private Node answeringNode() {
        return get(admin.describeCluster().nodes(), "describe the cluster").iterator().next();
    }

    private Set<String> inputs() {
        if (settings.topicPattern() == null) {
            return new TreeSet<>(settings.topics());
        }
        Set<String> names = new TreeSet<>(get(admin.listTopics().names(), "list topics"));
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
        TopicDescription description = describe(topic);
        require(description, AclOperation.READ);
        return description.partitions().size();
    }

    /** The sink also looks at the transactions on its topics, which is a right to read them. */
    private void requireWritable(String topic) {
        TopicDescription description = describe(topic);
        require(description, AclOperation.WRITE);
        if (settings.delivery() == DeliveryGuarantee.EXACTLY_ONCE) {
            require(description, AclOperation.READ);
        }
    }

    private TopicDescription describe(String topic) {
        DescribeTopicsOptions withRights =
                new DescribeTopicsOptions().includeAuthorizedOperations(true);
        Map<String, KafkaFuture<TopicDescription>> described =
                admin.describeTopics(List.of(topic), withRights).topicNameValues();
        return get(described.get(topic), "describe topic " + topic);
    }

    /** In a task, a right that is missing would be met again after each restart. */
    private void require(TopicDescription topic, AclOperation operation) {
        Set<AclOperation> rights = topic.authorizedOperations();
        // Brokers of old do not tell.
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

    /** What an output topic takes. */
    TopicLimits.Topic topic(String name) {
        Config config = config(new ConfigResource(ConfigResource.Type.TOPIC, name));
        if (value(config, "cleanup.policy", "delete").contains("compact")) {
            throw new KafkaSetupException(
                    "Topic "
                            + name
                            + " is compacted, but an answer has a key only if its request has one:"
                            + " set its cleanup.policy to delete, or name another topic.");
        }
        int maxMessageBytes = (int) number(config, "max.message.bytes", 1_048_588);
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
                "LogAppendTime".equals(value(config, "message.timestamp.type", "CreateTime"));
        String compression = value(config, "compression.type", "producer");
        return new TopicLimits.Topic(
                name,
                describe(name).partitions().size(),
                maxMessageBytes,
                producerCompresses() || !Set.of("producer", "uncompressed").contains(compression),
                brokerTime
                        ? Long.MAX_VALUE
                        : number(config, "message.timestamp.before.max.ms", Long.MAX_VALUE),
                brokerTime
                        ? Long.MAX_VALUE
                        : number(config, "message.timestamp.after.max.ms", Long.MAX_VALUE));
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

    /** What the user set, else the most that the broker allows, else Kafka's usual most. */
    private int transactionTimeoutMs(Node node) {
        long most = USUAL_TRANSACTION_TIMEOUT_MS;
        boolean readable = true;
        try {
            Config broker = config(new ConfigResource(ConfigResource.Type.BROKER, node.idString()));
            most = number(broker, "transaction.max.timeout.ms", most);
        } catch (KafkaSetupException e) {
            // Reading a broker's settings is a right that a job need not have.
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

    private Config config(ConfigResource resource) {
        return get(
                admin.describeConfigs(List.of(resource)).values().get(resource),
                "read the settings of "
                        + resource.type().name().toLowerCase(Locale.ROOT)
                        + " "
                        + resource.name());
    }

    private static String value(Config config, String key, String otherwise) {
        ConfigEntry entry = config.get(key);
        return entry == null || entry.value() == null ? otherwise : entry.value();
    }

    private static long number(Config config, String key, long otherwise) {
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

    private String command() {
        return TopicCommand.of(settings.bootstrapServers(), settings.client());
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
                            + command()
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
