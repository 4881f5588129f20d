package io.millrace.operators.kafka.input;

import io.millrace.operators.kafka.source.OnLostInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wraps the connector's reader so that deleted records are not skipped silently: positions are
 * checked before anything is read, and the loss of a position later fails the task. Then the job
 * ends, or the next attempt continues after the deleted records. Positions in snapshots skip
 * transaction markers: see {@link IdlePositions}. Partitions of a topic that is no longer an input
 * are not read, but stay in the snapshots, so that a job with the topic again continues there. All
 * other methods are delegated.
 */
final class InputReader<T> implements SourceReader<T, KafkaPartitionSplit> {
    /** Name of the counter of skipped offsets. */
    static final String LOST_OFFSETS = "lost_input_offsets";

    private static final Logger LOG = LoggerFactory.getLogger(InputReader.class);

    /** Its messages also appear on the terminal of {@code ./millrace run}. */
    private static final Logger NOTICE = LoggerFactory.getLogger("io.millrace.notice");

    /** Finds positions that are outside of their logs. */
    interface Lookup {
        List<Gap> gaps(Map<TopicPartition, Long> positions) throws IOException;
    }

    /** Finds positions after which there is nothing to read. */
    interface Idle extends AutoCloseable {

        /** Starts a check of positions that have not moved lately. Does not wait. */
        void look(Map<TopicPartition, Long> positions);

        /** The last known position that is equivalent to this one. */
        long behind(TopicPartition partition, long position);

        @Override
        void close();
    }

    private final SourceReader<T, KafkaPartitionSplit> reader;
    private final Predicate<String> inputs;
    private final OnLostInput policy;
    private final Lookup lookup;
    private final Idle idle;
    private final Counter lostOffsets;

    /** Splits of topics that are no longer inputs. */
    private final List<KafkaPartitionSplit> parked = new ArrayList<>();

    /** Number of these that no longer hold watermarks back. */
    private int released;

    /** Positions of the last snapshot. */
    private Map<TopicPartition, Long> positions = Map.of();

    /**
     * @param inputs whether a topic of that name is read
     */
    InputReader(
            SourceReader<T, KafkaPartitionSplit> reader,
            Predicate<String> inputs,
            OnLostInput policy,
            Lookup lookup,
            Idle idle,
            Counter lostOffsets) {
        this.reader = reader;
        this.inputs = inputs;
        this.policy = policy;
        this.lookup = lookup;
        this.idle = idle;
        this.lostOffsets = lostOffsets;
    }

    @Override
    public void addSplits(List<KafkaPartitionSplit> all) {
        List<KafkaPartitionSplit> splits = all.stream().filter(this::isRead).toList();
        all.stream().filter(split -> !isRead(split)).forEach(this::park);
        if (splits.isEmpty() && !all.isEmpty()) {
            return;
        }
        Map<TopicPartition, Long> asked = positions(splits);
        List<Gap> gaps = asked.isEmpty() ? List.of() : gaps(asked);
        if (gaps.isEmpty()) {
            reader.addSplits(splits);
            return;
        }
        LostInputException lost = new LostInputException(gaps, policy);
        if (policy == OnLostInput.FAIL) {
            // Another attempt would fail in the same way.
            throw new SuppressRestartsException(lost);
        }
        NOTICE.warn("{}", lost.getMessage());
        gaps.forEach(gap -> lostOffsets.inc(gap.lost()));
        Map<TopicPartition, Long> firsts = new HashMap<>();
        gaps.forEach(gap -> firsts.put(gap.partition(), gap.first()));
        reader.addSplits(moved(splits, firsts));
    }

    private boolean isRead(KafkaPartitionSplit split) {
        return inputs.test(split.getTopic());
    }

    private void park(KafkaPartitionSplit split) {
        LOG.info(
                "Partition {} is not read, since topic {} is no input any more: it stays in the"
                        + " state at offset {}.",
                split.getTopicPartition(),
                split.getTopic(),
                split.getStartingOffset());
        parked.add(split);
    }

    private static Map<TopicPartition, Long> positions(List<KafkaPartitionSplit> splits) {
        Map<TopicPartition, Long> positions = new HashMap<>();
        for (KafkaPartitionSplit split : splits) {
            // Others are symbolic, and resolved by the consumer.
            if (split.getStartingOffset() >= 0) {
                positions.put(split.getTopicPartition(), split.getStartingOffset());
            }
        }
        return positions;
    }

    /** No gaps if the broker does not answer: the consumer will fail. */
    private List<Gap> gaps(Map<TopicPartition, Long> positions) {
        try {
            return lookup.gaps(positions);
        } catch (IOException | KafkaException e) {
            LOG.warn("Positions of the input are not looked at before it is read", e);
            return List.of();
        }
    }

    private static List<KafkaPartitionSplit> moved(
            List<KafkaPartitionSplit> splits, Map<TopicPartition, Long> offsets) {
        List<KafkaPartitionSplit> moved = new ArrayList<>(splits.size());
        for (KafkaPartitionSplit split : splits) {
            Long offset = offsets.get(split.getTopicPartition());
            moved.add(
                    offset == null
                            ? split
                            : new KafkaPartitionSplit(
                                    split.getTopicPartition(),
                                    offset,
                                    split.getStoppingOffset()
                                            .orElse(KafkaPartitionSplit.NO_STOPPING_OFFSET)));
        }
        return moved;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
        for (; released < parked.size(); released++) {
            // Flink waits for the watermark of every restored split.
            output.releaseOutputForSplit(parked.get(released).splitId());
        }
        try {
            return reader.pollNext(output);
        } catch (RuntimeException e) {
            OffsetOutOfRangeException gone =
                    ExceptionUtils.findThrowable(e, OffsetOutOfRangeException.class).orElse(null);
            List<Gap> gaps = gone == null ? List.of() : gaps(gone.offsetOutOfRangePartitions());
            if (gaps.isEmpty()) {
                throw e;
            }
            LostInputException lost = new LostInputException(gaps, policy);
            throw policy == OnLostInput.FAIL ? new SuppressRestartsException(lost) : lost;
        }
    }

    @Override
    public void start() {
        reader.start();
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return reader.isAvailable();
    }

    @Override
    public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
        List<KafkaPartitionSplit> splits = reader.snapshotState(checkpointId);
        Map<TopicPartition, Long> now = positions(splits);
        Map<TopicPartition, Long> resting = new HashMap<>(now);
        resting.entrySet().retainAll(positions.entrySet());
        idle.look(resting);
        positions = now;
        Map<TopicPartition, Long> further = new HashMap<>();
        now.forEach(
                (partition, position) -> {
                    long behind = idle.behind(partition, position);
                    if (behind != position) {
                        further.put(partition, behind);
                    }
                });
        List<KafkaPartitionSplit> all = new ArrayList<>(moved(splits, further));
        all.addAll(parked);
        return all;
    }

    @Override
    public void notifyNoMoreSplits() {
        reader.notifyNoMoreSplits();
    }

    @Override
    public void handleSourceEvents(SourceEvent event) {
        reader.handleSourceEvents(event);
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) throws Exception {
        reader.notifyCheckpointComplete(checkpointId);
    }

    @Override
    public void notifyCheckpointAborted(long checkpointId) throws Exception {
        reader.notifyCheckpointAborted(checkpointId);
    }

    @Override
    public void pauseOrResumeSplits(
            Collection<String> splitsToPause, Collection<String> splitsToResume) {
        reader.pauseOrResumeSplits(splitsToPause, splitsToResume);
    }

    @Override
    public void close() throws Exception {
        try {
            reader.close();
        } finally {
            idle.close();
        }
    }
}
