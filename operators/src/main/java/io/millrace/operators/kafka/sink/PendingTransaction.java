package io.millrace.operators.kafka.sink;

import org.apache.flink.connector.kafka.sink.KafkaCommittable;

/**
 * A transaction between its checkpoint and its commit, with the position of one of its records:
 * readers of committed records see it if and only if the transaction was committed.
 *
 * @param committable what the connector commits
 * @param records number of its records
 * @param topic topic of its last record; null if saved in the first form of the state, which has
 *     the connector's part only
 * @param partition partition of its last record
 * @param offset offset of its last record
 */
record PendingTransaction(
        KafkaCommittable committable, long records, String topic, int partition, long offset) {}
