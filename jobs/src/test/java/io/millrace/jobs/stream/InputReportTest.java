package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.source.StartingPoint;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class InputReportTest {
    private static InputReport report(Map<String, Integer> inputs, StartingPoint start) {
        KafkaSettings settings =
                KafkaSettings.builder()
                        .bootstrapServers("127.0.0.1:9092")
                        .topics(List.copyOf(inputs.keySet()))
                        .outputTopic("out")
                        .deadLetterTopic("dead")
                        .applicationId("app")
                        .start(start)
                        .build();
        return new InputReport(settings, new TreeMap<>(inputs));
    }

    private static SortedMap<TopicPartition, Long> saved(Object... topicsAndOffsets) {
        SortedMap<TopicPartition, Long> saved =
                new TreeMap<>(
                        Comparator.comparing(TopicPartition::topic)
                                .thenComparing(TopicPartition::partition));
        for (int i = 0; i < topicsAndOffsets.length; i += 2) {
            List<?> offsets = (List<?>) topicsAndOffsets[i + 1];
            for (int partition = 0; partition < offsets.size(); partition++) {
                saved.put(
                        new TopicPartition((String) topicsAndOffsets[i], partition),
                        ((Number) offsets.get(partition)).longValue());
            }
        }
        return saved;
    }

    @Test
    void aRunWithoutStateSaysWhereItBegins() {
        assertThat(report(Map.of("b", 1, "a", 54), StartingPoint.LATEST).begun())
                .containsExactly(
                        "a: 54 partitions, from the latest records",
                        "b: 1 partition, from the latest records");
    }

    @Test
    void aResumedRunSaysOffsetsWhatIsNewAndWhatIsNotReadAnyMore() {
        assertThat(
                        report(Map.of("grown", 3, "new", 1, "old", 2), StartingPoint.EARLIEST)
                                .resumed(
                                        saved(
                                                "grown",
                                                List.of(17),
                                                "old",
                                                List.of(97, -2),
                                                "gone",
                                                List.of(5, 1023),
                                                "left",
                                                List.of(6))))
                .containsExactly(
                        "grown: 3 partitions, from offset 17, 2 new ones from the earliest records",
                        "new: 1 partition, new to this job, from the earliest records",
                        "old: 2 partitions, from offsets 97, earliest",
                        "gone: NOT read any more, since it is no input of this run. Its partitions"
                                + " stay in the state, and a run that has it again goes on from"
                                + " offsets 5, 1023. Its requests in flight are answered.",
                        "left: NOT read any more, since it is no input of this run. Its partition"
                                + " stays in the state, and a run that has it again goes on from"
                                + " offset 6. Its requests in flight are answered.");
    }

    @Test
    void manyTopicsAndPartitionsAreCutShort() {
        Map<String, Integer> inputs =
                IntStream.range(10, 64).boxed().collect(Collectors.toMap(i -> "t" + i, i -> 17));
        List<Integer> offsets = IntStream.range(0, 17).boxed().toList();
        assertThat(report(inputs, StartingPoint.EARLIEST).resumed(saved("t10", offsets)))
                .hasSize(21)
                .startsWith("t10: 17 partitions, from offsets 0, 1, 2, 3, 4, 5, 6, 7, ...")
                .endsWith("and 34 more topics");
    }

    @Test
    void aStateThatCannotBeReadIsNoReasonNotToStart() {
        assertThat(report(Map.of("a", 2), StartingPoint.EARLIEST).resumed("/not/there"))
                .hasSize(2)
                .startsWith("a: 2 partitions, from where the state says")
                .last()
                .asString()
                .contains("cannot be read from here", "/not/there");
    }
}
