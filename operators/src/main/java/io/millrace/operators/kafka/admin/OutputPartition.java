package io.millrace.operators.kafka.admin;

/** In which partition an answer or a dead letter goes. */
public enum OutputPartition {
    /** The one that Kafka's Java producer gives its key. */
    KEY,
    /** The one with the number of its request's. */
    SAME
}
