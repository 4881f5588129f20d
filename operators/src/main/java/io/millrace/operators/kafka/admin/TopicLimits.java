package io.millrace.operators.kafka.admin;

import java.io.Serializable;
import java.time.Duration;
import java.util.Collections;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.flink.connector.base.DeliveryGuarantee;

/**
 * The limits of the two output topics and of the producer, as read at the start.
 *
 * @param output the topic of results
 * @param deadLetter the topic of failures
 * @param maxRequestBytes the producer's limit of a record, in bytes as it counts them
 * @param transactionTimeoutMs transaction timeout of the broker, in milliseconds
 * @param inputs number of partitions of each input topic
 */
public record TopicLimits(
        Topic output,
        Topic deadLetter,
        int maxRequestBytes,
        int transactionTimeoutMs,
        SortedMap<String, Integer> inputs)
        implements Serializable {

    public TopicLimits {
        inputs = Collections.unmodifiableSortedMap(new TreeMap<>(inputs));
    }

    /** Below this even a bare failure record might not fit. */
    static final int LEAST_BYTES = 4096;

    /**
     * One topic.
     *
     * @param partitions number of its partitions
     * @param maxMessageBytes largest record batch that the broker accepts (max.message.bytes)
     * @param compressed whether batches may be compressed, by the producer or the broker
     * @param oldestMs how far a record's timestamp may be in the past, milliseconds
     * @param newestMs how far it may be in the future, milliseconds
     */
    public record Topic(
            String name,
            int partitions,
            int maxMessageBytes,
            boolean compressed,
            long oldestMs,
            long newestMs)
            implements Serializable {

        /**
         * Refuses an output topic with fewer partitions than an input, if answers go to the
         * partition of their request.
         *
         * @throws KafkaSetupException with the remedy
         */
        public void requirePartitions(int count, String input, KafkaSettings settings) {
            if (partitions < count) {
                throw new KafkaSetupException(
                        "Topic "
                                + name
                                + " has "
                                + partitions
                                + (partitions == 1 ? " partition" : " partitions")
                                + ", but "
                                + input
                                + " has "
                                + count
                                + ", and --output-partition same answers each in the one of its"
                                + " number: take --output-partition key, or add partitions:\n"
                                + TopicCommand.of(settings.bootstrapServers(), settings.client())
                                + " --alter --topic "
                                + name
                                + " --partitions "
                                + count);
            }
        }
    }

    /** Partitions of all input topics together. */
    public int inputPartitions() {
        return inputs.values().stream().mapToInt(Integer::intValue).sum();
    }

    /**
     * Reads the limits and checks the cluster: it answers within 15 seconds, topics exist, outputs
     * are no inputs, partitions suffice for the parallelism.
     *
     * @throws KafkaSetupException if not
     */
    public static TopicLimits read(KafkaSettings settings, int parallelism) {
        try (TopicInspector inspector = new TopicInspector(settings)) {
            return inspector.inspect(parallelism);
        }
    }

    /**
     * Creates the job's missing topics with four partitions, or as many as the parallelism.
     *
     * @return names of the created topics
     * @throws KafkaSetupException if Kafka does not answer, or this user lacks the right
     */
    public static Set<String> create(KafkaSettings settings, int parallelism) {
        try (TopicInspector inspector = new TopicInspector(settings)) {
            return inspector.create(parallelism);
        }
    }

    /**
     * The same with the current limits of both output topics.
     *
     * @throws KafkaSetupException the limits cannot be read, or one is too low
     */
    public TopicLimits readAgain(KafkaSettings settings) {
        try (TopicInspector inspector = new TopicInspector(settings)) {
            return new TopicLimits(
                    inspector.topic(output.name()),
                    inspector.topic(deadLetter.name()),
                    maxRequestBytes,
                    transactionTimeoutMs,
                    inputs);
        }
    }

    /**
     * Refuses a transaction timeout that is too short for normal checkpoints.
     *
     * @throws KafkaSetupException if there is one
     */
    public void checkTransactionTimeout(KafkaSettings settings, Duration checkpointInterval) {
        long least = 2 * checkpointInterval.toMillis();
        if (settings.delivery() == DeliveryGuarantee.EXACTLY_ONCE && transactionTimeoutMs < least) {
            throw new KafkaSetupException(
                    "Kafka setting transaction.timeout.ms is "
                            + transactionTimeoutMs
                            + ", but a transaction stays open for a checkpoint interval of "
                            + checkpointInterval.toMillis()
                            + " ms and until that checkpoint is complete: raise it to at least "
                            + least
                            + " (the brokers' transaction.max.timeout.ms is the most), or lower"
                            + " --checkpoint-interval.");
        }
    }
}
