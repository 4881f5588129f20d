package io.millrace.operators.kafka.input;

import io.millrace.operators.kafka.source.OnLostInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
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
 * The connector's reader, which does not pass over records that are gone: positions are looked at
 * before anything is read, and one that the log loses later fails the task. Either ends the job, or
 * the next attempt goes on behind what is gone. Every other method is called through.
 */
final class InputReader<T> implements SourceReader<T, KafkaPartitionSplit> {
    /** Name of the counter of skipped offsets. */
    static final String LOST_OFFSETS = "lost_input_offsets";

    private static final Logger LOG = LoggerFactory.getLogger(InputReader.class);

    /** What is logged here also appears on the terminal of {@code ./millrace run}. */
    private static final Logger NOTICE = LoggerFactory.getLogger("io.millrace.notice");

    /** Finds positions that are outside of their logs. */
    interface Lookup {
        List<Gap> gaps(Map<TopicPartition, Long> positions) throws IOException;
    }

    private final SourceReader<T, KafkaPartitionSplit> reader;
    private final OnLostInput policy;
    private final Lookup lookup;
    private final Counter lostOffsets;

    InputReader(
            SourceReader<T, KafkaPartitionSplit> reader,
            OnLostInput policy,
            Lookup lookup,
            Counter lostOffsets) {
        this.reader = reader;
        this.policy = policy;
        this.lookup = lookup;
        this.lostOffsets = lostOffsets;
    }

    @Override
    public void addSplits(List<KafkaPartitionSplit> splits) {
        Map<TopicPartition, Long> positions = new HashMap<>();
        for (KafkaPartitionSplit split : splits) {
            // Others are marks, which the consumer understands.
            if (split.getStartingOffset() >= 0) {
                positions.put(split.getTopicPartition(), split.getStartingOffset());
            }
        }
        List<Gap> gaps = positions.isEmpty() ? List.of() : gaps(positions);
        if (gaps.isEmpty()) {
            reader.addSplits(splits);
            return;
        }
        LostInputException lost = new LostInputException(gaps, policy);
        if (policy == OnLostInput.FAIL) {
            // Another attempt would find the same.
            throw new SuppressRestartsException(lost);
        }
        NOTICE.warn("{}", lost.getMessage());
        gaps.forEach(gap -> lostOffsets.inc(gap.lost()));
        reader.addSplits(moved(splits, gaps));
    }

    /** Where nobody answers, the consumer will find out. */
    private List<Gap> gaps(Map<TopicPartition, Long> positions) {
        try {
            return lookup.gaps(positions);
        } catch (IOException | KafkaException e) {
            LOG.warn("Positions of the input are not looked at before it is read", e);
            return List.of();
        }
    }

    private static List<KafkaPartitionSplit> moved(
            List<KafkaPartitionSplit> splits, List<Gap> gaps) {
        Map<TopicPartition, Long> firsts = new HashMap<>();
        gaps.forEach(gap -> firsts.put(gap.partition(), gap.first()));
        List<KafkaPartitionSplit> moved = new ArrayList<>(splits.size());
        for (KafkaPartitionSplit split : splits) {
            Long first = firsts.get(split.getTopicPartition());
            moved.add(
                    first == null
                            ? split
                            : new KafkaPartitionSplit(
                                    split.getTopicPartition(),
                                    first,
                                    split.getStoppingOffset()
                                            .orElse(KafkaPartitionSplit.NO_STOPPING_OFFSET)));
        }
        return moved;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
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
        return reader.snapshotState(checkpointId);
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
        reader.close();
    }
}
