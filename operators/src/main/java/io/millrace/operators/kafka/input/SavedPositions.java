package io.millrace.operators.kafka.input;

import io.millrace.operators.saved.SavedState;
import java.io.IOException;
import java.util.Comparator;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplitSerializer;
import org.apache.flink.core.io.SimpleVersionedSerialization;
import org.apache.kafka.common.TopicPartition;

/** Reads the input positions of a job from a completed checkpoint or savepoint. */
public final class SavedPositions {
    /** Name that Flink gives the state of a source's readers. */
    private static final String READERS = "SourceReaderState";

    private SavedPositions() {}

    /**
     * The next offset of each partition, those of topics that are no longer read included.
     *
     * @param folder path or address of the checkpoint
     * @throws IOException it cannot be read
     */
    public static SortedMap<TopicPartition, Long> read(String folder) throws IOException {
        SortedMap<TopicPartition, Long> positions =
                new TreeMap<>(
                        Comparator.comparing(TopicPartition::topic)
                                .thenComparing(TopicPartition::partition));
        KafkaPartitionSplitSerializer serializer = new KafkaPartitionSplitSerializer();
        for (byte[] element : SavedState.open(folder).elements(READERS)) {
            KafkaPartitionSplit split =
                    SimpleVersionedSerialization.readVersionAndDeSerialize(serializer, element);
            positions.put(split.getTopicPartition(), split.getStartingOffset());
        }
        return positions;
    }
}
