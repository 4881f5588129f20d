package io.millrace.operators.kafka.sink;

import java.util.function.Consumer;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * Counts the records of a transaction and keeps the position of the last one. Written by the
 * producer's thread, read by the writer's.
 */
final class RecordCounter implements Consumer<RecordMetadata> {
    private long records;
    private RecordMetadata last;

    @Override
    public synchronized void accept(RecordMetadata place) {
        // A refused record has no position; the writer fails because of it.
        if (place != null && place.hasOffset()) {
            records++;
            last = place;
        }
    }

    synchronized long records() {
        return records;
    }

    /** Position of the last record, or null. */
    synchronized RecordMetadata last() {
        return last;
    }

    synchronized void reset() {
        records = 0;
        last = null;
    }
}
