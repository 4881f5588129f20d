package io.millrace.operators.kafka.sink;

import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.DefaultRecordBatch;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;

/** Counts a record's bytes as producer and broker do for their limits. */
public final class RecordSize {

    private RecordSize() {}

    /**
     * The size that the producer compares with max.request.size: an upper bound of the record's
     * batch.
     */
    public static int forProducer(ProducerRecord<byte[], byte[]> record) {
        return AbstractRecords.estimateSizeInBytesUpperBound(
                RecordBatch.CURRENT_MAGIC_VALUE,
                CompressionType.NONE,
                record.key(),
                record.value(),
                record.headers().toArray());
    }

    /**
     * The size that the broker compares with max.message.bytes: the batch, here of this record
     * only. (The producer splits a refused batch of several.)
     */
    public static int forBroker(ProducerRecord<byte[], byte[]> record, boolean compressed) {
        int size =
                DefaultRecordBatch.sizeInBytes(
                        List.of(
                                new SimpleRecord(
                                        0,
                                        record.key(),
                                        record.value(),
                                        record.headers().toArray())));
        // Incompressible data grows by frame headers and a few bytes per block.
        return compressed ? size + size / 256 + 128 : size;
    }
}
