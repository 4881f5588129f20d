package io.millrace.operators.kafka.admin;

import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Selects the user's settings for each Kafka client: those that it knows, and those that no client
 * knows (such as settings of a login handler).
 */
public final class ClientProperties {

    private static final ConfigDef CONSUMER = ConsumerConfig.configDef();
    private static final ConfigDef PRODUCER = ProducerConfig.configDef();
    private static final ConfigDef ADMIN = AdminClientConfig.configDef();

    /** Settings of the connector, which are passed along with those of Kafka. */
    private static final Set<String> CONNECTOR =
            Set.of(
                    "partition.discovery.interval.ms",
                    "commit.offsets.on.checkpoint",
                    "register.consumer.metrics",
                    "register.producer.metrics",
                    "flink.disable-metrics");

    /** The producer's own value for partitions of transactions; otherwise its default is 100 ms. */
    private static final int RETRY_BACKOFF_MS = 20;

    private ClientProperties() {}

    /** Properties of a consumer: the user's, bootstrap servers, committed records only. */
    public static Properties consumer(String bootstrapServers, Map<String, String> client) {
        Properties properties = of(CONSUMER, bootstrapServers, client);
        properties.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        return properties;
    }

    /**
     * Properties of the sink's producer: the user's, and those that the delivery requires.
     *
     * @param settings the job's Kafka settings
     * @param limits limits of topics and brokers
     * @param delivery exactly-once for a transactional producer, whose ids the sink sets
     */
    public static Properties sink(
            KafkaSettings settings, TopicLimits limits, DeliveryGuarantee delivery) {
        Properties properties = owned(settings);
        // A batch of records that each fit the topic must fit it too.
        properties.putIfAbsent(
                ProducerConfig.BATCH_SIZE_CONFIG,
                Integer.toString(
                        Math.min(
                                16_384,
                                Math.min(
                                        limits.output().maxMessageBytes(),
                                        limits.deadLetter().maxMessageBytes()))));
        // The mailbox thread waits for it when it begins a transaction while the last one of the
        // same id is still being completed.
        properties.putIfAbsent(
                ProducerConfig.RETRY_BACKOFF_MS_CONFIG, Integer.toString(RETRY_BACKOFF_MS));
        if (delivery == DeliveryGuarantee.EXACTLY_ONCE) {
            // The connector's default of one hour exceeds the default maximum of brokers.
            properties.setProperty(
                    ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                    Integer.toString(limits.transactionTimeoutMs()));
        }
        return properties;
    }

    /** Sets the values explicitly, so that Kafka refuses contradicting settings. */
    private static Properties owned(KafkaSettings settings) {
        Properties properties = producer(settings.bootstrapServers(), settings.client());
        properties.setProperty(ProducerConfig.ACKS_CONFIG, "all");
        properties.setProperty(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        return properties;
    }

    /**
     * Builds the configurations of the job's consumer and producer as its tasks will, so that
     * invalid values are refused before the job is submitted.
     *
     * @throws KafkaSetupException with Kafka's message
     */
    static void check(KafkaSettings settings) {
        try {
            Properties source = consumer(settings.bootstrapServers(), settings.client());
            source.setProperty(
                    ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG,
                    ByteArrayDeserializer.class.getName());
            source.setProperty(
                    ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG,
                    ByteArrayDeserializer.class.getName());
            checkVariables(new ConsumerConfig(source));
            Properties sink = owned(settings);
            sink.setProperty(
                    ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
                    ByteArraySerializer.class.getName());
            sink.setProperty(
                    ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
                    ByteArraySerializer.class.getName());
            if (settings.delivery() == DeliveryGuarantee.EXACTLY_ONCE) {
                sink.setProperty(
                        ProducerConfig.TRANSACTIONAL_ID_CONFIG, settings.applicationId() + ".");
            }
            checkDeliveryTimeout(settings, new ProducerConfig(sink));
        } catch (ConfigException e) {
            throw new KafkaSetupException(
                    "The Kafka client settings do not do: "
                            + KafkaSetupException.ended(e.getMessage()),
                    e);
        }
    }

    /** Refuses a variable that its configuration provider left as it is: the clients would, too. */
    private static void checkVariables(AbstractConfig resolved) {
        Map<String, Object> values = resolved.originals();
        Object providers = values.get(AbstractConfig.CONFIG_PROVIDERS_CONFIG);
        if (providers == null) {
            return;
        }
        for (String provider : providers.toString().split(",")) {
            Pattern variable =
                    Pattern.compile("\\$\\{" + Pattern.quote(provider.strip()) + ":[^}]*}");
            values.forEach(
                    (key, value) -> {
                        Matcher left = variable.matcher(value.toString());
                        if (left.find()) {
                            // The variable alone: what is around it may be a secret.
                            throw new KafkaSetupException(
                                    "Kafka setting %s has %s, for which there is no value: put the"
                                                    .formatted(key, left.group())
                                            + " file there, on this machine and on those of the"
                                            + " tasks.");
                        }
                    });
        }
    }

    /** Checks three settings that only the producer's constructor compares. */
    private static void checkDeliveryTimeout(KafkaSettings settings, ProducerConfig sink) {
        String key = ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG;
        long least =
                sink.getLong(ProducerConfig.LINGER_MS_CONFIG)
                        + sink.getInt(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG);
        if (settings.client().containsKey(key) && sink.getInt(key) < least) {
            throw new KafkaSetupException(
                    OwnedSetting.of(key)
                            .refused(Integer.toString(sink.getInt(key)), "at least " + least + ", ")
                            .getMessage());
        }
    }

    /** Properties of a producer: the user's and bootstrap servers. */
    public static Properties producer(String bootstrapServers, Map<String, String> client) {
        return of(PRODUCER, bootstrapServers, client);
    }

    /** Properties of an admin client: the user's and bootstrap servers. */
    public static Properties admin(String bootstrapServers, Map<String, String> client) {
        return of(ADMIN, bootstrapServers, client);
    }

    private static Properties of(
            ConfigDef wanted, String bootstrapServers, Map<String, String> client) {
        Properties properties = new Properties();
        client.forEach(
                (key, value) -> {
                    if (wanted.names().contains(key) || !isKafkas(key)) {
                        properties.setProperty(key, value);
                    }
                });
        properties.setProperty("bootstrap.servers", bootstrapServers);
        return properties;
    }

    /** Whether a setting's value must not be shown; unknown settings count as secret. */
    static boolean isSecret(String key) {
        if (!isKnown(key)) {
            return true;
        }
        for (ConfigDef clientDef : new ConfigDef[] {CONSUMER, PRODUCER, ADMIN}) {
            ConfigDef.ConfigKey known = clientDef.configKeys().get(key);
            if (known != null && known.type == ConfigDef.Type.PASSWORD) {
                return true;
            }
        }
        return false;
    }

    /** Whether one of Kafka's clients or the connector has this setting. */
    static boolean isKnown(String key) {
        return CONNECTOR.contains(key) || isKafkas(key) || isOfConfigProvider(key);
    }

    /** {@code config.providers.NAME.class} and the like, whose names the user chooses. */
    private static boolean isOfConfigProvider(String key) {
        return key.startsWith(AbstractConfig.CONFIG_PROVIDERS_CONFIG + ".");
    }

    private static boolean isKafkas(String key) {
        return CONSUMER.names().contains(key)
                || PRODUCER.names().contains(key)
                || ADMIN.names().contains(key);
    }
}
