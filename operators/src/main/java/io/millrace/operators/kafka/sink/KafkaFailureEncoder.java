package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.record.FailureEncoder;
import io.millrace.operators.record.Outcome;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Makes a failure's Kafka record before the sink, with a separate serializer. */
public final class KafkaFailureEncoder implements FailureEncoder {
    private static final long serialVersionUID = 1;

    private final KafkaOutcomeSerializer serializer;
    private transient boolean open;

    /** A record that the sink uses as it is. */
    record Encoded(ProducerRecord<byte[], byte[]> record) implements Outcome.Encoded {}

    public KafkaFailureEncoder(KafkaSettings settings, TopicLimits limits) {
        this.serializer = new KafkaOutcomeSerializer(settings, limits);
    }

    @Override
    public Outcome.Encoded encode(Outcome.Failed failed) {
        if (!open) {
            serializer.open();
            open = true;
        }
        return new Encoded(serializer.serialize(failed));
    }
}
