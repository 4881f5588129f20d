package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Checks whether a record was committed. Owns a consumer. */
final class CommittedRecords implements AutoCloseable {
    private static final Duration LOOK = Duration.ofMillis(200);

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Duration patience;

    /**
     * @param patience maximum wait for an open transaction before the record
     */
    CommittedRecords(KafkaSettings settings, Duration patience) {
        Properties properties =
                ClientProperties.consumer(settings.bootstrapServers(), settings.client());
        properties.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        this.consumer = new KafkaConsumer<>(properties, bytes, bytes);
        this.patience = patience;
    }

    /**
     * Whether the record was committed; if not, its transaction was aborted, or the topic has
     * deleted it.
     *
     * @throws IOException it cannot be determined yet
     */
    boolean contains(String topic, int partition, long offset)
            throws IOException, InterruptedException {
        TopicPartition place = new TopicPartition(topic, partition);
        long deadline = System.nanoTime() + patience.toNanos();
        try {
            consumer.assign(List.of(place));
            consumer.seek(place, offset);
            while (System.nanoTime() - deadline < 0) {
                for (ConsumerRecord<byte[], byte[]> found : consumer.poll(LOOK).records(place)) {
                    return found.offset() == offset;
                }
                // The consumer skips records of aborted transactions and transaction markers.
                if (consumer.position(place, patience) > offset) {
                    return false;
                }
            }
        } catch (OffsetOutOfRangeException e) {
            return false;
        } catch (InterruptException e) {
            Thread.interrupted();
            throw new InterruptedException(e.getMessage());
        }
        throw new IOException(
                "Kafka does not tell within "
                        + patience.toSeconds()
                        + " s whether the record at offset "
                        + offset
                        + " of "
                        + place
                        + " was committed: a transaction before it is still open, or the brokers"
                        + " do not answer.");
    }

    @Override
    public void close() {
        consumer.close();
    }
}
