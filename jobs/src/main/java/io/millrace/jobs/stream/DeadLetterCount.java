package io.millrace.jobs.stream;

import io.millrace.jobs.cli.KafkaArguments;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** Counts committed dead letters for a command that shows answers only. One thread. */
final class DeadLetterCount implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(100);

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final String topic;
    private final boolean fromBeginning;
    private long count;
    private long told;

    DeadLetterCount(KafkaArguments kafka, String topic, boolean fromBeginning) {
        this.topic = topic;
        this.fromBeginning = fromBeginning;
        this.consumer = AnswerReader.consumer(kafka, List.of(topic), fromBeginning);
    }

    /** Counts new dead letters; does not wait. */
    void look() {
        count += consumer.poll(Duration.ZERO).count();
    }

    /** Counts all dead letters committed by now, with a timeout. */
    void readToTheEnd(Duration limit) {
        long start = System.nanoTime();
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment(), limit);
        while (ends.entrySet().stream()
                        .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())
                && System.nanoTime() - start < limit.toNanos()) {
            count += consumer.poll(POLL).count();
        }
    }

    /** A sentence about new dead letters, or null without new ones. */
    String sentence() {
        if (count == told) {
            return null;
        }
        told = count;
        return (count == 1 ? "1 dead letter is" : "%,d dead letters are".formatted(count))
                + " in topic "
                + topic
                + (fromBeginning ? "" : " since this began")
                + ": --dead-letters shows what could not be answered, and why";
    }

    @Override
    public void close() {
        consumer.close();
    }
}
