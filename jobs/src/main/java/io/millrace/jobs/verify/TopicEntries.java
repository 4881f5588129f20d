package io.millrace.jobs.verify;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.record.Position;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The committed records of some topics, up to their ends at the time of construction. Joins no
 * consumer group.
 */
final class TopicEntries implements Entries {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final List<String> topics;
    private final Properties properties;
    private final Map<TopicPartition, Long> ends;
    private final long heldBack;

    TopicEntries(KafkaArguments kafka, List<String> topics) {
        this.topics = List.copyOf(topics);
        properties = ClientProperties.consumer(kafka.bootstrapServers, kafka.clientSettings());
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        ends = ends(properties);
        Properties all = new Properties();
        all.putAll(properties);
        all.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_uncommitted");
        heldBack = sum(ends(all)) - sum(ends);
    }

    private Map<TopicPartition, Long> ends(Properties of) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(of)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : topics) {
                for (PartitionInfo partition : consumer.partitionsFor(topic)) {
                    partitions.add(new TopicPartition(topic, partition.partition()));
                }
            }
            return new HashMap<>(consumer.endOffsets(partitions));
        }
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Properties properties) {
        return new KafkaConsumer<>(
                properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static long sum(Map<TopicPartition, Long> offsets) {
        return offsets.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Number of offsets that could not be read because of an open transaction. */
    long heldBack() {
        return heldBack;
    }

    @Override
    public void forEach(Consumer<Entry> to) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(properties)) {
            consumer.assign(ends.keySet());
            consumer.seekToBeginning(ends.keySet());
            long lastRecord = System.nanoTime();
            while (!isAtEnd(consumer)) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    lastRecord = System.nanoTime();
                    if (record.offset() < end(record)) {
                        to.accept(entry(record));
                    }
                }
                if (System.nanoTime() - lastRecord > PATIENCE.toNanos()) {
                    throw new CommandFailedException(
                            "Nothing came of %s for %d s, and it is not read to its end: does its broker run?"
                                    .formatted(name(), PATIENCE.toSeconds()));
                }
            }
        }
    }

    private boolean isAtEnd(KafkaConsumer<byte[], byte[]> consumer) {
        return ends.entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private long end(ConsumerRecord<byte[], byte[]> record) {
        return ends.get(new TopicPartition(record.topic(), record.partition()));
    }

    private static Entry entry(ConsumerRecord<byte[], byte[]> record) {
        return new Entry(
                record.topic(),
                new Position.InPartition(record.partition(), record.offset()),
                record.timestamp(),
                record.key(),
                record.value());
    }

    @Override
    public boolean areOfFile() {
        return false;
    }

    @Override
    public String name() {
        return String.join(", ", topics);
    }
}
