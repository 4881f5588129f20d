package io.millrace.operators.kafka.input;

import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;

/**
 * Resolves a starting point to offsets before anything is read. The connector's initializers leave
 * that to the consumer and its {@code auto.offset.reset}, which also silently skips a position that
 * is deleted later; with these offsets the consumer fails instead. (A symbolic position in a
 * checkpoint would also mean another offset after a restore.)
 */
@SuppressWarnings("deprecation") // The connector asks for Kafka's deprecated type.
public final class FirstOffsets implements OffsetsInitializer {
    private static final long serialVersionUID = 1L;

    private final KafkaSettings settings;

    public FirstOffsets(KafkaSettings settings) {
        this.settings = settings;
    }

    @Override
    public Map<TopicPartition, Long> getPartitionOffsets(
            Collection<TopicPartition> partitions, PartitionOffsetsRetriever kafka) {
        return switch (settings.start().kind()) {
            case EARLIEST -> kafka.beginningOffsets(partitions);
            case LATEST -> committedEnds(partitions);
            case TIMESTAMP -> since(settings.start().timestampMs(), partitions, kafka);
            case COMMITTED -> committed(partitions, kafka);
        };
    }

    private Map<TopicPartition, Long> since(
            long timestampMs,
            Collection<TopicPartition> partitions,
            PartitionOffsetsRetriever kafka) {
        Map<TopicPartition, Long> question = new HashMap<>();
        partitions.forEach(partition -> question.put(partition, timestampMs));
        Map<TopicPartition, Long> offsets = new HashMap<>();
        for (Map.Entry<TopicPartition, OffsetAndTimestamp> found :
                kafka.offsetsForTimes(question).entrySet()) {
            if (found.getValue() != null) {
                offsets.put(found.getKey(), found.getValue().offset());
            }
        }
        offsets.putAll(committedEnds(others(partitions, offsets.keySet())));
        return offsets;
    }

    private static Map<TopicPartition, Long> committed(
            Collection<TopicPartition> partitions, PartitionOffsetsRetriever kafka) {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        kafka.committedOffsets(partitions)
                .forEach(
                        (partition, offset) -> {
                            if (offset != null) {
                                offsets.put(partition, offset);
                            }
                        });
        Set<TopicPartition> others = others(partitions, offsets.keySet());
        if (!others.isEmpty()) {
            offsets.putAll(kafka.beginningOffsets(others));
        }
        return offsets;
    }

    private static Set<TopicPartition> others(
            Collection<TopicPartition> all, Set<TopicPartition> found) {
        Set<TopicPartition> others = new HashSet<>(all);
        others.removeAll(found);
        return others;
    }

    /** The ends before open transactions, whose records are still to be read. */
    private Map<TopicPartition, Long> committedEnds(Collection<TopicPartition> partitions) {
        if (partitions.isEmpty()) {
            return Map.of();
        }
        try (InputLogs logs = new InputLogs(settings)) {
            return logs.committedEnds(partitions);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public OffsetResetStrategy getAutoOffsetResetStrategy() {
        return OffsetResetStrategy.NONE;
    }
}
