package io.millrace.jobs.stream;

import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Follows the output topic and, if requested, the dead-letter topic: committed records only,
 * without a consumer group. One thread.
 */
public final class AnswerReader implements AutoCloseable {
    /** A record that was read. */
    public sealed interface Item {
        /** The raw record. */
        ConsumerRecord<byte[], byte[]> record();
    }

    /** An answer. */
    public record Answer(ConsumerRecord<byte[], byte[]> record, InferenceResult result)
            implements Item {
        /** The number in one of the job's headers, or -1. */
        public long header(String name) {
            Header header = record.headers().lastHeader(name);
            return header == null
                    ? -1
                    : Long.parseLong(new String(header.value(), StandardCharsets.US_ASCII));
        }
    }

    /** A request that could not be answered. */
    public record Failure(ConsumerRecord<byte[], byte[]> record, InferenceFailure failure)
            implements Item {}

    /** A record that is not the job's, or in another format. */
    record Unreadable(ConsumerRecord<byte[], byte[]> record, String why) implements Item {}

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final String outputTopic;
    private final RecordCodec<InferenceResult> results;
    private final RecordCodec<InferenceFailure> failures;

    /**
     * Opens a reader.
     *
     * @param deadLetterTopic null leaves failures out
     * @param fromBeginning whether to read existing records
     */
    public AnswerReader(
            KafkaArguments kafka,
            FormatSettings format,
            String outputTopic,
            String deadLetterTopic,
            boolean fromBeginning) {
        this.outputTopic = outputTopic;
        this.results = RecordCodec.open(RecordType.RESULT, format, null);
        this.failures = RecordCodec.open(RecordType.FAILURE, format, null);
        this.consumer =
                consumer(
                        kafka,
                        deadLetterTopic == null
                                ? List.of(outputTopic)
                                : List.of(outputTopic, deadLetterTopic),
                        fromBeginning);
    }

    /** A consumer of all partitions of these topics, without a group. */
    public static KafkaConsumer<byte[], byte[]> consumer(
            KafkaArguments kafka, List<String> topics, boolean fromBeginning) {
        Properties properties =
                ClientProperties.consumer(kafka.bootstrapServers, kafka.clientSettings());
        properties.setProperty("enable.auto.commit", "false");
        KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> partitions = new ArrayList<>();
        for (String topic : topics) {
            for (PartitionInfo partition : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, partition.partition()));
            }
        }
        consumer.assign(partitions);
        if (fromBeginning) {
            consumer.seekToBeginning(partitions);
        } else {
            consumer.seekToEnd(partitions);
        }
        // Seeking is lazy: resolve the positions now, so that later records are not missed.
        partitions.forEach(consumer::position);
        return consumer;
    }

    /**
     * Passes new records to a consumer, after waiting for them with a timeout; returns their
     * number.
     */
    public int poll(Duration patience, Consumer<Item> to) {
        int count = 0;
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(patience)) {
            to.accept(item(record));
            count++;
        }
        return count;
    }

    private Item item(ConsumerRecord<byte[], byte[]> record) {
        if (record.value() == null) {
            return new Unreadable(record, "it has no value");
        }
        try {
            return record.topic().equals(outputTopic)
                    ? new Answer(record, results.decode(record.value()))
                    : new Failure(record, failures.decode(record.value()));
        } catch (CodecException e) {
            return new Unreadable(record, e.getMessage());
        }
    }

    /** Ends a {@link #poll} of another thread. */
    void wakeUp() {
        consumer.wakeup();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
