package io.millrace.operators.kafka.admin;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;

/**
 * Gives each Kafka client its part of the user's settings: what it knows itself, and what none of
 * the three knows (settings of a login handler, say).
 */
public final class ClientProperties {

    private static final ConfigDef CONSUMER = ConsumerConfig.configDef();
    private static final ConfigDef PRODUCER = ProducerConfig.configDef();
    private static final ConfigDef ADMIN = AdminClientConfig.configDef();

    /** Settings that the job makes itself, and what the user should use instead. */
    private static final Map<String, String> OURS =
            Map.ofEntries(
                    Map.entry("bootstrap.servers", "--bootstrap-servers"),
                    Map.entry("group.id", "--group-id"),
                    Map.entry("auto.offset.reset", "--start"),
                    Map.entry("isolation.level", "nothing: committed records only are read"),
                    Map.entry("enable.auto.commit", "nothing: offsets follow checkpoints"),
                    Map.entry("transactional.id", "--application-id"),
                    Map.entry("enable.idempotence", "--delivery"),
                    Map.entry("key.serializer", "nothing: keys are copied as bytes"),
                    Map.entry("value.serializer", "--format"),
                    Map.entry("key.deserializer", "nothing: keys are copied as bytes"),
                    Map.entry("value.deserializer", "--format"));

    private ClientProperties() {}

    /** Properties of a consumer: the user's, bootstrap servers, committed records only. */
    public static Properties consumer(String bootstrapServers, Map<String, String> client) {
        Properties properties = of(CONSUMER, bootstrapServers, client);
        properties.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        return properties;
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
                    if (wanted.names().contains(key) || !isKnown(key)) {
                        properties.setProperty(key, value);
                    }
                });
        properties.setProperty("bootstrap.servers", bootstrapServers);
        return properties;
    }

    /** Refuses settings that the job makes itself. */
    static void checkClient(Map<String, String> client) {
        for (String key : client.keySet()) {
            String instead = OURS.get(key);
            if (instead != null) {
                throw new IllegalArgumentException(
                        "Kafka setting " + key + " is made by the job: use " + instead + ".");
            }
        }
    }

    /** Whether a setting's value must not be shown; of unknown ones nobody can tell. */
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

    private static boolean isKnown(String key) {
        return CONSUMER.names().contains(key)
                || PRODUCER.names().contains(key)
                || ADMIN.names().contains(key);
    }
}
