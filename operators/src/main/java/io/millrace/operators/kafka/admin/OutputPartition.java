package io.millrace.operators.kafka.admin;

/** The partition of an answer or a dead letter. */
public enum OutputPartition {
    /** The partition that Kafka's Java producer chooses for its key. */
    KEY,
    /** The partition with the number of its request's partition. */
    SAME
}
