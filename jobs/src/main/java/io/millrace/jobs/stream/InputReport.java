package io.millrace.jobs.stream;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.input.SavedPositions;
import io.millrace.operators.kafka.source.StartingPoint;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.kafka.common.TopicPartition;

/**
 * The lines at the start about the topics and partitions that a job reads, and from which offsets.
 */
final class InputReport {
    /** Maximum topics with a line of their own. */
    private static final int MOST_TOPICS = 20;

    /** Maximum offsets that are listed. */
    private static final int MOST_OFFSETS = 8;

    private final KafkaSettings kafka;

    /** Number of partitions of each input topic. */
    private final SortedMap<String, Integer> inputs;

    InputReport(KafkaSettings kafka, SortedMap<String, Integer> inputs) {
        this.kafka = kafka;
        this.inputs = inputs;
    }

    /** Lines for a run without state. */
    List<String> begun() {
        return named(topic -> count(inputs.get(topic)) + ", from " + where(kafka.start()));
    }

    /** Lines for a run whose state the cluster finds itself. */
    List<String> resumedByCluster() {
        return named(
                topic ->
                        count(inputs.get(topic))
                                + ", from where the cluster's state says, or from "
                                + where(kafka.start()));
    }

    /**
     * Lines for a run that resumes a checkpoint or savepoint.
     *
     * @param state its folder
     */
    List<String> resumed(String state) {
        try {
            return resumed(SavedPositions.read(state));
        } catch (IOException e) {
            List<String> lines =
                    named(topic -> count(inputs.get(topic)) + ", from where the state says");
            lines.add(
                    "The state cannot be read from here ("
                            + e.getMessage()
                            + "): topics of it that are no inputs any more stand in the tasks' log.");
            return lines;
        }
    }

    /**
     * The same.
     *
     * @param saved next offset of each partition in the state
     */
    List<String> resumed(SortedMap<TopicPartition, Long> saved) {
        SortedMap<String, List<Long>> offsets = new TreeMap<>();
        saved.forEach(
                (partition, offset) ->
                        offsets.computeIfAbsent(partition.topic(), topic -> new ArrayList<>())
                                .add(offset));
        List<String> lines =
                named(topic -> position(inputs.get(topic), offsets.getOrDefault(topic, List.of())));
        for (Map.Entry<String, List<Long>> topic : offsets.entrySet()) {
            if (!inputs.containsKey(topic.getKey())) {
                lines.add(topic.getKey() + ": " + notRead(topic.getKey(), topic.getValue()));
            }
        }
        return lines;
    }

    private List<String> named(UnaryOperator<String> what) {
        List<String> lines =
                inputs.keySet().stream()
                        .limit(MOST_TOPICS)
                        .map(topic -> topic + ": " + what.apply(topic))
                        .collect(Collectors.toCollection(ArrayList::new));
        if (inputs.size() > MOST_TOPICS) {
            lines.add("and " + (inputs.size() - MOST_TOPICS) + " more topics");
        }
        return lines;
    }

    private static String position(int partitions, List<Long> offsets) {
        if (offsets.isEmpty()) {
            return count(partitions) + ", new to this job, from the earliest records";
        }
        int fresh = partitions - offsets.size();
        return count(partitions)
                + ", "
                + from(offsets)
                + (fresh > 0 ? ", " + fresh + " new ones from the earliest records" : "");
    }

    private String notRead(String topic, List<Long> offsets) {
        if (kafka.reads(topic)) {
            return "is in the state with " + count(offsets.size()) + ", but no topic any more";
        }
        return "NOT read any more, since it is no input of this run. "
                + (offsets.size() == 1 ? "Its partition stays" : "Its partitions stay")
                + " in the state, and a run that has it again goes on "
                + from(offsets)
                + ". Its requests in flight are answered.";
    }

    private static String from(Collection<Long> offsets) {
        return (offsets.size() == 1 ? "from offset " : "from offsets ")
                + offsets.stream()
                        .limit(MOST_OFFSETS)
                        .map(InputReport::offset)
                        .collect(Collectors.joining(", "))
                + (offsets.size() > MOST_OFFSETS ? ", ..." : "");
    }

    /** Older releases saved symbolic offsets. */
    private static String offset(long offset) {
        if (offset >= 0) {
            return Long.toString(offset);
        }
        return offset == KafkaPartitionSplit.EARLIEST_OFFSET
                ? "earliest"
                : offset == KafkaPartitionSplit.LATEST_OFFSET ? "latest" : "committed";
    }

    private static String count(int partitions) {
        return partitions + (partitions == 1 ? " partition" : " partitions");
    }

    /** Display text of a starting point. */
    static String where(StartingPoint start) {
        return switch (start.kind()) {
            case EARLIEST -> "the earliest records";
            case LATEST -> "the latest records";
            case COMMITTED -> "the group's offsets (requests in flight before them are lost)";
            case TIMESTAMP -> "records of " + Instant.ofEpochMilli(start.timestampMs());
        };
    }
}
