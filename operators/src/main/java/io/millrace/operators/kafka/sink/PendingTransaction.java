package io.millrace.operators.kafka.sink;

import org.apache.flink.connector.kafka.sink.KafkaCommittable;

/**
 * A transaction between its checkpoint and its commit, and where one record of it lies: whoever
 * reads committed records sees that one if and only if the transaction was committed.
 *
 * @param committable what the connector commits
 * @param records how many records it holds
 * @param topic topic of its last record; null for one that the first state form saved, of which
 *     only the connector's part is known
 * @param partition partition of its last record
 * @param offset offset of its last record
 */
record PendingTransaction(
        KafkaCommittable committable, long records, String topic, int partition, long offset) {}
