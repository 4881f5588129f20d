package io.millrace.operators.kafka.input;

import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/** Queries the first and last offsets of partitions. Owns an admin client. */
final class InputLogs implements AutoCloseable {
    private static final long PATIENCE_MS = 15_000;

    private final Admin admin;

    InputLogs(KafkaSettings settings) {
        Properties properties =
                ClientProperties.admin(settings.bootstrapServers(), settings.client());
        properties.putIfAbsent("request.timeout.ms", "10000");
        properties.putIfAbsent("default.api.timeout.ms", Long.toString(PATIENCE_MS));
        admin = Admin.create(properties);
    }

    /** First offset of each log. */
    Map<TopicPartition, Long> firsts(Collection<TopicPartition> partitions) throws IOException {
        return ask(partitions, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED);
    }

    /** Offset after the last record of each log. */
    Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions) throws IOException {
        return ask(partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED);
    }

    /** As {@link #ends}, but before the records of open transactions. */
    Map<TopicPartition, Long> committedEnds(Collection<TopicPartition> partitions)
            throws IOException {
        return ask(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
    }

    /** The positions that are outside of their logs. */
    List<Gap> gaps(Map<TopicPartition, Long> positions) throws IOException {
        Map<TopicPartition, Long> firsts = firsts(positions.keySet());
        Map<TopicPartition, Long> ends = ends(positions.keySet());
        List<Gap> gaps = new ArrayList<>();
        positions.forEach(
                (partition, position) -> {
                    Gap gap =
                            new Gap(
                                    partition,
                                    position,
                                    firsts.get(partition),
                                    ends.get(partition));
                    if (!gap.isNone()) {
                        gaps.add(gap);
                    }
                });
        return gaps;
    }

    private Map<TopicPartition, Long> ask(
            Collection<TopicPartition> partitions, OffsetSpec which, IsolationLevel isolation)
            throws IOException {
        Map<TopicPartition, OffsetSpec> question = new HashMap<>();
        partitions.forEach(partition -> question.put(partition, which));
        KafkaFuture<Map<TopicPartition, ListOffsetsResult.ListOffsetsResultInfo>> answer =
                admin.listOffsets(question, new ListOffsetsOptions(isolation)).all();
        Map<TopicPartition, Long> offsets = new HashMap<>();
        try {
            answer.get(PATIENCE_MS, TimeUnit.MILLISECONDS)
                    .forEach((partition, info) -> offsets.put(partition, info.offset()));
        } catch (ExecutionException e) {
            throw new IOException("Kafka does not tell offsets: " + e.getCause().getMessage(), e);
        } catch (TimeoutException e) {
            throw new IOException("Kafka does not tell offsets.", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while asking Kafka for offsets.", e);
        }
        return offsets;
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
