package io.millrace.operators.kafka.admin;

import io.millrace.operators.event.EventReading;
import io.millrace.operators.kafka.source.OnLostInput;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.codec.EventSchemas;
import io.millrace.schemas.codec.FormatSettings;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.apache.flink.connector.base.DeliveryGuarantee;

/**
 * The job's Kafka settings; checked when built. {@code toString} shows no secrets.
 *
 * @param bootstrapServers brokers to ask first, {@code host:port,...}
 * @param topics input topics; empty if there is a pattern
 * @param topicPattern regular expression that input topics match as a whole, or null
 * @param outputTopic topic of results
 * @param deadLetterTopic topic of failures
 * @param groupId consumer group whose offsets are committed at each checkpoint
 * @param start starting point of a job without state
 * @param onLostInput reaction to input that was deleted before it was read
 * @param bounded whether the input ends at the offsets that are newest at start
 * @param applicationId the job's id; transactional ids begin with it and a dot
 * @param delivery exactly-once or at-least-once
 * @param acceptLostTransactions whether to continue if results are lost, since an outage was longer
 *     than the transaction timeout
 * @param outputPartition partition of answers and dead letters
 * @param dropHeaders regular expression; headers of requests that match it as a whole are not
 *     copied; null for none
 * @param format wire format of all topics
 * @param events how requests are made of events and where answers go; null where records are
 *     requests; must not change
 * @param inputSchemas Avro schemas of events, as JSON, the newest last; for Avro without a registry
 * @param client further settings of all Kafka clients, such as those of TLS and SASL
 */
public record KafkaSettings(
        String bootstrapServers,
        List<String> topics,
        String topicPattern,
        String outputTopic,
        String deadLetterTopic,
        String groupId,
        StartingPoint start,
        OnLostInput onLostInput,
        boolean bounded,
        String applicationId,
        DeliveryGuarantee delivery,
        boolean acceptLostTransactions,
        OutputPartition outputPartition,
        String dropHeaders,
        FormatSettings format,
        EventForm events,
        List<String> inputSchemas,
        Map<String, String> client)
        implements Serializable {

    public KafkaSettings {
        notBlank("bootstrap servers", bootstrapServers);
        notBlank("output topic", outputTopic);
        notBlank("dead-letter topic", deadLetterTopic);
        notBlank("application id", applicationId);
        // Transactional ids begin with it and a dot: no id may be a prefix of another's, as "a."
        // would be.
        if (applicationId.indexOf('.') >= 0) {
            throw new IllegalArgumentException(
                    "The application id is "
                            + applicationId
                            + ": it must have no dot, since a dot ends it in transactional ids.");
        }
        groupId = groupId == null ? applicationId : groupId;
        notBlank("group id", groupId);
        Objects.requireNonNull(start, "start");
        Objects.requireNonNull(onLostInput, "onLostInput");
        Objects.requireNonNull(outputPartition, "outputPartition");
        Objects.requireNonNull(format, "format");
        // A serializable copy.
        topics = List.copyOf(topics);
        inputSchemas = List.copyOf(inputSchemas);
        client = Map.copyOf(client);
        checkInputs(topics, topicPattern);
        checkPattern("Header pattern", dropHeaders);
        if (outputTopic.equals(deadLetterTopic)) {
            throw new IllegalArgumentException(
                    "Output and dead-letter topic are both "
                            + outputTopic
                            + ": give them different names.");
        }
        if (delivery != DeliveryGuarantee.EXACTLY_ONCE
                && delivery != DeliveryGuarantee.AT_LEAST_ONCE) {
            throw new IllegalArgumentException(
                    "Delivery is " + delivery + ": it must be exactly-once or at-least-once.");
        }
        OwnedSetting.check(client);
        if (events != null) {
            new EventReading(events).check();
            EventSchemas.check(format, inputSchemas);
            if (events.getReaderSchema() != null) {
                EventReading.answeredSchema(events);
            }
        }
    }

    private static void checkInputs(List<String> topics, String pattern) {
        if (topics.isEmpty() == (pattern == null)) {
            throw new IllegalArgumentException(
                    topics.isEmpty()
                            ? "There is no input: name topics or a pattern."
                            : "There are input topics and a pattern: give one of the two.");
        }
        if (topics.size() != topics.stream().distinct().count()) {
            throw new IllegalArgumentException("An input topic is named twice: " + topics + ".");
        }
        checkPattern("Topic pattern", pattern);
    }

    private static void checkPattern(String what, String pattern) {
        if (pattern != null) {
            try {
                Pattern.compile(pattern);
            } catch (PatternSyntaxException e) {
                throw new IllegalArgumentException(
                        what
                                + " '"
                                + pattern
                                + "' is not a regular expression: "
                                + e.getDescription()
                                + ".");
            }
        }
    }

    private static void notBlank(String what, String value) {
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException("The " + what + " must not be empty.");
        }
    }

    /** A sentence per client setting that has no effect or is unknown. */
    public List<String> notes() {
        return OwnedSetting.notes(client);
    }

    /** Whether a topic is read. */
    public boolean reads(String topic) {
        return topicPattern == null ? topics.contains(topic) : Pattern.matches(topicPattern, topic);
    }

    @Override
    public String toString() {
        Map<String, String> shown = new TreeMap<>();
        client.forEach(
                (key, value) -> shown.put(key, ClientProperties.isSecret(key) ? "***" : value));
        return "KafkaSettings{"
                + bootstrapServers
                + ", "
                + (topicPattern == null ? topics : "/" + topicPattern + "/")
                + " -> "
                + outputTopic
                + " | "
                + deadLetterTopic
                + ", application "
                + applicationId
                + ", group "
                + groupId
                + ", start "
                + start
                + (bounded ? ", bounded, " : ", ")
                + delivery
                + ", "
                + format
                + ", "
                + shown
                + "}";
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Collects settings; {@link #build} checks them. */
    public static final class Builder {

        private String bootstrapServers = "localhost:9092";
        private final List<String> topics = new ArrayList<>();
        private String topicPattern;
        private String outputTopic;
        private String deadLetterTopic;
        private String groupId;
        private StartingPoint start = StartingPoint.EARLIEST;
        private OnLostInput onLostInput = OnLostInput.FAIL;
        private boolean bounded;
        private String applicationId;
        private DeliveryGuarantee delivery = DeliveryGuarantee.EXACTLY_ONCE;
        private boolean acceptLostTransactions;
        private OutputPartition outputPartition = OutputPartition.KEY;
        private String dropHeaders;
        private FormatSettings format = FormatSettings.JSON;
        private EventForm events;
        private List<String> inputSchemas = List.of();
        private final Map<String, String> client = new TreeMap<>();

        private Builder() {}

        public Builder bootstrapServers(String value) {
            bootstrapServers = value;
            return this;
        }

        public Builder topics(String... values) {
            return topics(List.of(values));
        }

        public Builder topics(List<String> values) {
            topics.addAll(values);
            return this;
        }

        public Builder topicPattern(String value) {
            topicPattern = value;
            return this;
        }

        public Builder outputTopic(String value) {
            outputTopic = value;
            return this;
        }

        public Builder deadLetterTopic(String value) {
            deadLetterTopic = value;
            return this;
        }

        /** The default is the application id. */
        public Builder groupId(String value) {
            groupId = value;
            return this;
        }

        public Builder start(StartingPoint value) {
            start = value;
            return this;
        }

        public Builder onLostInput(OnLostInput value) {
            onLostInput = value;
            return this;
        }

        public Builder bounded(boolean value) {
            bounded = value;
            return this;
        }

        public Builder applicationId(String value) {
            applicationId = value;
            return this;
        }

        public Builder delivery(DeliveryGuarantee value) {
            delivery = value;
            return this;
        }

        public Builder acceptLostTransactions(boolean value) {
            acceptLostTransactions = value;
            return this;
        }

        public Builder outputPartition(OutputPartition value) {
            outputPartition = value;
            return this;
        }

        /** By default only headers that would be wrong for the answer are dropped. */
        public Builder dropHeaders(String value) {
            dropHeaders = value;
            return this;
        }

        public Builder format(FormatSettings value) {
            format = value;
            return this;
        }

        /** By default records are requests. */
        public Builder events(EventForm value) {
            events = value;
            return this;
        }

        public Builder inputSchemas(List<String> values) {
            inputSchemas = values;
            return this;
        }

        public Builder client(Map<String, String> values) {
            client.putAll(values);
            return this;
        }

        public Builder client(String key, String value) {
            client.put(key, value);
            return this;
        }

        public KafkaSettings build() {
            return new KafkaSettings(
                    bootstrapServers,
                    topics,
                    topicPattern,
                    outputTopic,
                    deadLetterTopic,
                    groupId,
                    start,
                    onLostInput,
                    bounded,
                    applicationId,
                    delivery,
                    acceptLostTransactions,
                    outputPartition,
                    dropHeaders,
                    format,
                    events,
                    inputSchemas,
                    client);
        }
    }
}
