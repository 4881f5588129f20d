package io.millrace.operators.kafka.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.kafka.source.OnLostInput;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class InputReaderTest {
    private static final TopicPartition DELETED = new TopicPartition("prompts", 0);
    private static final TopicPartition WHOLE = new TopicPartition("prompts", 1);
    private static final TopicPartition ANEW = new TopicPartition("prompts", 2);

    private final List<String> calls = new ArrayList<>();
    private final List<KafkaPartitionSplit> added = new ArrayList<>();
    private final SimpleCounter lost = new SimpleCounter();
    private final TestingIdle idle = new TestingIdle();
    private List<KafkaPartitionSplit> snapshot = List.of();
    private RuntimeException thrown;

    @SuppressWarnings("unchecked")
    private InputReader<String> reader(OnLostInput policy, InputReader.Lookup lookup) {
        SourceReader<String, KafkaPartitionSplit> behind =
                (SourceReader<String, KafkaPartitionSplit>)
                        Proxy.newProxyInstance(
                                SourceReader.class.getClassLoader(),
                                new Class<?>[] {SourceReader.class},
                                (proxy, method, arguments) -> {
                                    calls.add(method.getName());
                                    if (method.getName().equals("addSplits")) {
                                        added.addAll((List<KafkaPartitionSplit>) arguments[0]);
                                    }
                                    if (thrown != null) {
                                        throw thrown;
                                    }
                                    return method.getReturnType() == List.class ? snapshot : null;
                                });
        return new InputReader<>(
                behind, topic -> !topic.equals("dropped"), policy, lookup, idle, lost);
    }

    /** Looks at once. */
    private final class TestingIdle implements InputReader.Idle {
        private final Map<TopicPartition, Long> looked = new HashMap<>();
        private boolean closed;

        @Override
        public void look(Map<TopicPartition, Long> positions) {
            looked.putAll(positions);
        }

        @Override
        public long behind(TopicPartition partition, long position) {
            return looked.getOrDefault(partition, -1L) == position ? position + 3 : position;
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    @Test
    void aPositionThatRestsIsSavedBehindWhatNobodyReads() throws Exception {
        InputReader<String> reader = reader(OnLostInput.FAIL, positions -> List.of());
        snapshot = splits();
        assertThat(reader.snapshotState(1)).isEqualTo(splits());
        snapshot =
                List.of(
                        new KafkaPartitionSplit(DELETED, 17, 90),
                        new KafkaPartitionSplit(WHOLE, 98),
                        new KafkaPartitionSplit(ANEW, KafkaPartitionSplit.EARLIEST_OFFSET));
        assertThat(reader.snapshotState(2))
                .containsExactly(
                        new KafkaPartitionSplit(DELETED, 20, 90),
                        new KafkaPartitionSplit(WHOLE, 98),
                        new KafkaPartitionSplit(ANEW, KafkaPartitionSplit.EARLIEST_OFFSET));
        assertThat(idle.looked).isEqualTo(Map.of(DELETED, 17L));
        reader.close();
        assertThat(idle.closed).isTrue();
    }

    @Test
    void aTopicThatIsNoInputAnyMoreIsNotReadAndKeepsItsPlaceInTheState() {
        KafkaPartitionSplit dropped =
                new KafkaPartitionSplit(new TopicPartition("dropped", 4), 12, 90);
        List<Map<TopicPartition, Long>> asked = new ArrayList<>();
        InputReader<String> reader =
                reader(
                        OnLostInput.FAIL,
                        positions -> {
                            asked.add(positions);
                            return List.of();
                        });
        reader.addSplits(List.of(dropped, new KafkaPartitionSplit(WHOLE, 97)));
        assertThat(added).containsExactly(new KafkaPartitionSplit(WHOLE, 97));
        assertThat(asked).containsExactly(Map.of(WHOLE, 97L));
        snapshot = List.of(new KafkaPartitionSplit(WHOLE, 98));
        for (int checkpoint = 1; checkpoint < 4; checkpoint++) {
            assertThat(reader.snapshotState(checkpoint)).hasSize(2).contains(dropped);
        }
        assertThat(idle.looked).doesNotContainKey(dropped.getTopicPartition());
    }

    @Test
    @SuppressWarnings("unchecked")
    void whatIsNotReadHoldsNoWatermarkBack() throws Exception {
        List<String> released = new ArrayList<>();
        ReaderOutput<String> output =
                (ReaderOutput<String>)
                        Proxy.newProxyInstance(
                                ReaderOutput.class.getClassLoader(),
                                new Class<?>[] {ReaderOutput.class},
                                (proxy, method, arguments) -> {
                                    assertThat(method.getName()).isEqualTo("releaseOutputForSplit");
                                    released.add((String) arguments[0]);
                                    return null;
                                });
        KafkaPartitionSplit dropped =
                new KafkaPartitionSplit(new TopicPartition("dropped", 4), 12, 90);
        InputReader<String> reader = reader(OnLostInput.FAIL, positions -> List.of());
        reader.addSplits(List.of(dropped, new KafkaPartitionSplit(WHOLE, 97)));
        reader.pollNext(output);
        reader.pollNext(output);
        assertThat(released).containsExactly(dropped.splitId());
    }

    /** Logs with the offsets 54 to 96, but for one that is new and has 0 to 4. */
    private static List<Gap> logs(Map<TopicPartition, Long> positions) {
        return positions.entrySet().stream()
                .map(
                        e ->
                                e.getKey().equals(ANEW)
                                        ? new Gap(ANEW, e.getValue(), 0, 5)
                                        : new Gap(e.getKey(), e.getValue(), 54, 97))
                .filter(gap -> !gap.isNone())
                .sorted((a, b) -> a.partition().partition() - b.partition().partition())
                .toList();
    }

    private static List<KafkaPartitionSplit> splits() {
        return List.of(
                new KafkaPartitionSplit(DELETED, 17, 90),
                new KafkaPartitionSplit(WHOLE, 97),
                new KafkaPartitionSplit(ANEW, 23));
    }

    private static Stream<Method> readerMethods() {
        return Arrays.stream(SourceReader.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()));
    }

    @ParameterizedTest
    @MethodSource("readerMethods")
    void everyMethodIsCalledThrough(Method method) throws Exception {
        Object[] arguments =
                Arrays.stream(method.getParameterTypes())
                        .map(t -> t == long.class ? (Object) 1L : t == List.class ? splits() : null)
                        .toArray();
        Method own =
                InputReader.class.getDeclaredMethod(method.getName(), method.getParameterTypes());
        own.invoke(reader(OnLostInput.FAIL, positions -> List.of()), arguments);
        assertThat(calls).containsExactly(method.getName());
    }

    @Test
    void aPositionThatIsGoneEndsTheJobBeforeAnythingIsRead() {
        assertThatThrownBy(
                        () -> reader(OnLostInput.FAIL, InputReaderTest::logs).addSplits(splits()))
                .isInstanceOf(SuppressRestartsException.class)
                .cause()
                .isInstanceOf(LostInputException.class)
                .hasMessage(
                        "Offsets 17 to 53 (37) of partition 0 of topic prompts were deleted before they"
                                + " were read, by the topic's retention or by somebody: requests there"
                                + " will have no answer. Raise retention.ms or retention.bytes. The job"
                                + " would go on at offset 23 of partition 2 of topic prompts, but that"
                                + " has only offsets 0 to 4: the topic was deleted and made anew, or its"
                                + " brokers lost its end; go on at its first record. The job stops here;"
                                + " --on-lost-input skip goes on from there.");
        assertThat(added).isEmpty();
        assertThat(lost.getCount()).isZero();
    }

    @Test
    void skippingMovesThoseAndCountsWhatIsGone() {
        reader(OnLostInput.SKIP, InputReaderTest::logs).addSplits(splits());
        assertThat(added)
                .containsExactly(
                        new KafkaPartitionSplit(DELETED, 54, 90),
                        new KafkaPartitionSplit(WHOLE, 97),
                        new KafkaPartitionSplit(ANEW, 0));
        assertThat(lost.getCount()).isEqualTo(37);
    }

    @Test
    void marksOfOlderStateAreLeftToTheConsumer() {
        List<KafkaPartitionSplit> marked =
                List.of(new KafkaPartitionSplit(DELETED, KafkaPartitionSplit.EARLIEST_OFFSET));
        reader(OnLostInput.FAIL, InputReaderTest::logs).addSplits(marked);
        assertThat(added).isEqualTo(marked);
    }

    @Test
    void brokersThatDoNotAnswerAreNoReasonToStop() {
        reader(
                        OnLostInput.FAIL,
                        positions -> {
                            throw new IOException("away");
                        })
                .addSplits(splits());
        assertThat(added).isEqualTo(splits());
    }

    @Test
    void aPositionThatGoesWhileTheJobRunsEndsItOrTheAttempt() {
        thrown =
                new RuntimeException(
                        "One or more fetchers have encountered exception",
                        new OffsetOutOfRangeException(Map.of(DELETED, 53L)));
        assertThatThrownBy(() -> reader(OnLostInput.FAIL, InputReaderTest::logs).pollNext(null))
                .isInstanceOf(SuppressRestartsException.class)
                .hasStackTraceContaining("Offsets 53 to 53 (1) of partition 0 of topic prompts");
        assertThatThrownBy(() -> reader(OnLostInput.SKIP, InputReaderTest::logs).pollNext(null))
                .isInstanceOf(LostInputException.class)
                .hasMessageEndingWith("The job goes on from there, as --on-lost-input skip asks.");
    }

    @Test
    void otherFailuresStayWhatTheyAre() {
        thrown = new IllegalStateException("other");
        assertThatThrownBy(() -> reader(OnLostInput.FAIL, InputReaderTest::logs).pollNext(null))
                .isSameAs(thrown);
        // In the meantime the log has it again.
        thrown = new OffsetOutOfRangeException(Map.of(WHOLE, 60L));
        assertThatThrownBy(() -> reader(OnLostInput.FAIL, InputReaderTest::logs).pollNext(null))
                .isSameAs(thrown);
    }
}
