package io.millrace.jobs.chaos.check;

import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** The committed records of a job, in the order in which they were read. One thread. */
public final class History implements AutoCloseable {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final List<TopicPartition> partitions = new ArrayList<>();
    private final String output;
    private final RecordCodec<InferenceResult> results =
            RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
    private final RecordCodec<InferenceFailure> failures =
            RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
    private final List<Committed> all = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private final List<Commit> commits = new ArrayList<>();

    /**
     * A poll that saw new committed answers.
     *
     * @param answered requests answered by then
     * @param finishedMs completion of the newest of these answers, by its header
     */
    public record Commit(long timeMs, int answered, long finishedMs) {}

    public History(String bootstrapServers, String output, String deadLetters) {
        this.output = output;
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", bootstrapServers);
        properties.setProperty("isolation.level", "read_committed");
        properties.setProperty("enable.auto.commit", "false");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        consumer = new KafkaConsumer<>(properties, bytes, bytes);
        for (String topic : List.of(output, deadLetters)) {
            consumer.partitionsFor(topic)
                    .forEach(p -> partitions.add(new TopicPartition(topic, p.partition())));
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    /** Reads new committed records, if the broker is up; waits with a timeout. */
    public void poll(Duration patience) {
        int before = names.size();
        int read = all.size();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(patience)) {
            add(record);
        }
        if (names.size() > before) {
            long finished =
                    all.subList(read, all.size()).stream()
                            .mapToLong(Committed::finishedMs)
                            .max()
                            .orElse(-1);
            commits.add(new Commit(System.currentTimeMillis(), names.size(), finished));
        }
    }

    /** Reads to the end of the committed records. */
    public void readToTheEnd(Duration limit) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        Deadline deadline = Deadline.in(limit);
        while (ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            if (deadline.isOver()) {
                throw new KafkaException("The output was not read to its end within " + limit);
            }
            poll(Duration.ofMillis(100));
        }
    }

    private void add(ConsumerRecord<byte[], byte[]> record) {
        Committed committed;
        try {
            committed =
                    record.topic().equals(output)
                            ? Committed.result(record, results.decode(record.value()))
                            : Committed.failure(record, failures.decode(record.value()));
        } catch (CodecException e) {
            throw new IllegalStateException("The job wrote what nobody can read: " + record, e);
        }
        all.add(committed);
        names.add(committed.name());
    }

    public List<Committed> all() {
        return all;
    }

    /** Polls with new answers, in order. */
    public List<Commit> commits() {
        return commits;
    }

    /** Number of answered requests. */
    public int answered() {
        return names.size();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
