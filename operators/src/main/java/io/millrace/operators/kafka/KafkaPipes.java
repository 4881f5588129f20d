package io.millrace.operators.kafka;

import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.input.FirstOffsets;
import io.millrace.operators.kafka.input.InputSource;
import io.millrace.operators.kafka.sink.KafkaFailureEncoder;
import io.millrace.operators.kafka.sink.KafkaOutcomeSerializer;
import io.millrace.operators.kafka.sink.WatchedSink;
import io.millrace.operators.kafka.source.InboundDeserializer;
import io.millrace.operators.record.FailureEncoder;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import java.util.regex.Pattern;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;

/** Makes the pipeline's source and its sink. */
public final class KafkaPipes {

    private KafkaPipes() {}

    /**
     * Reads committed records only; a record that is no request becomes a rejection. Records that
     * were deleted before they were read end the job, unless it is configured to skip them.
     */
    public static InputSource<Inbound> source(KafkaSettings settings) {
        KafkaSourceBuilder<Inbound> source =
                KafkaSource.<Inbound>builder()
                        .setProperties(
                                ClientProperties.consumer(
                                        settings.bootstrapServers(), settings.client()))
                        .setGroupId(settings.groupId())
                        .setClientIdPrefix(settings.applicationId())
                        .setStartingOffsets(new FirstOffsets(settings))
                        .setDeserializer(
                                new InboundDeserializer(
                                        settings.format(),
                                        settings.events(),
                                        settings.inputSchemas()));
        if (settings.topicPattern() == null) {
            source.setTopics(settings.topics());
        } else {
            source.setTopicPattern(Pattern.compile(settings.topicPattern()));
        }
        if (settings.bounded()) {
            source.setBounded(OffsetsInitializer.latest());
        }
        return new InputSource<>(source.build(), settings);
    }

    /**
     * Writes results and failures, each to its topic, in one transaction. A job whose transactions
     * were lost fails for good, unless it is configured to continue.
     */
    public static Sink<Outcome> sink(KafkaSettings settings, TopicLimits limits) {
        KafkaOutcomeSerializer serializer = new KafkaOutcomeSerializer(settings, limits);
        // A job that switched to at-least-once may still have an exactly-once transaction to
        // commit.
        return new WatchedSink(
                connector(settings, serializer, settings.delivery()),
                connector(settings, serializer, DeliveryGuarantee.EXACTLY_ONCE),
                serializer,
                settings,
                limits.transactionTimeoutMs());
    }

    /** Makes the records of failures for {@link #sink} on another thread. */
    public static FailureEncoder failures(KafkaSettings settings, TopicLimits limits) {
        return new KafkaFailureEncoder(settings, limits);
    }

    private static KafkaSink<Outcome> connector(
            KafkaSettings settings, KafkaOutcomeSerializer serializer, DeliveryGuarantee delivery) {
        KafkaSinkBuilder<Outcome> sink =
                KafkaSink.<Outcome>builder()
                        .setRecordSerializer(serializer)
                        .setDeliveryGuarantee(delivery);
        if (delivery == DeliveryGuarantee.EXACTLY_ONCE) {
            // A restore aborts all transactions with this prefix: the dot separates those of an
            // application "a" from those of "ab".
            sink.setTransactionalIdPrefix(settings.applicationId() + ".")
                    .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING);
        }
        return sink.setKafkaProducerConfig(
                        ClientProperties.sink(settings, serializer.limits(), delivery))
                .build();
    }
}
