package io.millrace.jobs.stream;

import io.millrace.gpu.common.Sha256;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.schemas.InferenceFailure;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Finds the records behind dead letters: at their place, where that still has them with all their
 * headers, else in the dead letter. One thread.
 */
final class OriginalRecords implements AutoCloseable {
    private static final Duration LOOK = Duration.ofSeconds(10);
    private static final String OURS = "millrace.";

    private final KafkaConsumer<byte[], byte[]> consumer;

    /**
     * A record, or why there is none.
     *
     * @param timestamp milliseconds since 1970, or null
     * @param missing null if there is one
     */
    record Original(
            byte[] key, byte[] value, Iterable<Header> headers, Long timestamp, String missing) {

        ProducerRecord<byte[], byte[]> record(String topic) {
            return new ProducerRecord<>(topic, null, timestamp, key, value, headers);
        }
    }

    /**
     * @param consumer without a group, which this closes
     */
    OriginalRecords(KafkaConsumer<byte[], byte[]> consumer) {
        this.consumer = consumer;
    }

    /** The record behind a dead letter. */
    Original of(InferenceFailure failure, ConsumerRecord<byte[], byte[]> letter) {
        ConsumerRecord<byte[], byte[]> there = at(failure);
        if (there != null && there.value() != null && isIt(there.value(), failure)) {
            return new Original(
                    there.key(), there.value(), there.headers(), time(there.timestamp()), null);
        }
        byte[] value = bytes(failure.getOriginal());
        if (isIt(value, failure)) {
            return new Original(letter.key(), value, headers(letter), timestamp(letter), null);
        }
        return new Original(
                null,
                null,
                List.of(),
                null,
                "the dead letter has %d of its record's %d bytes, and %s-%d@%d %s"
                        .formatted(
                                value.length,
                                failure.getOriginalLength(),
                                failure.getTopic(),
                                failure.getPartition(),
                                failure.getOffset(),
                                there == null
                                        ? "is not there any more"
                                        : "has another record now, by its SHA-256"));
    }

    private static boolean isIt(byte[] value, InferenceFailure failure) {
        return value.length == failure.getOriginalLength()
                && Sha256.hex(value).equals(failure.getOriginalSha256());
    }

    /** Null if the place has no record any more. */
    private ConsumerRecord<byte[], byte[]> at(InferenceFailure failure) {
        TopicPartition partition = new TopicPartition(failure.getTopic(), failure.getPartition());
        try {
            if (consumer.partitionsFor(failure.getTopic(), LOOK).size() <= partition.partition()) {
                return null;
            }
            consumer.assign(List.of(partition));
            long first = consumer.beginningOffsets(List.of(partition), LOOK).get(partition);
            long end = consumer.endOffsets(List.of(partition), LOOK).get(partition);
            if (failure.getOffset() < first || failure.getOffset() >= end) {
                return null;
            }
            consumer.seek(partition, failure.getOffset());
            long deadline = System.nanoTime() + LOOK.toNanos();
            while (System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(200)).records(partition)) {
                    return record.offset() == failure.getOffset() ? record : null;
                }
                if (consumer.position(partition) > failure.getOffset()) {
                    return null;
                }
            }
            return null;
        } catch (KafkaException e) {
            // No such topic, or no right to read it: the dead letter may have all of it.
            return null;
        }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static Long time(long timestamp) {
        return timestamp < 0 ? null : timestamp;
    }

    private static Long timestamp(ConsumerRecord<byte[], byte[]> letter) {
        Header header = letter.headers().lastHeader(RunHeaders.REQUEST_TIMESTAMP_MS);
        return header == null
                ? time(letter.timestamp())
                : time(Long.parseLong(new String(header.value(), StandardCharsets.US_ASCII)));
    }

    /** Those of the record, as far as its dead letter has them. */
    private static Iterable<Header> headers(ConsumerRecord<byte[], byte[]> letter) {
        RecordHeaders headers = new RecordHeaders();
        for (Header header : letter.headers()) {
            if (header.key().startsWith(RunHeaders.ORIGINAL)) {
                headers.add(header.key().substring(RunHeaders.ORIGINAL.length()), header.value());
            } else if (!header.key().startsWith(OURS)) {
                headers.add(header);
            }
        }
        return headers;
    }

    @Override
    public void close() {
        consumer.close();
    }
}
