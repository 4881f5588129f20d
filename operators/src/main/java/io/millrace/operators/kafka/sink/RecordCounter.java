package io.millrace.operators.kafka.sink;

import java.util.function.Consumer;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * Counts the records of a transaction and remembers where the last one lies. The producer's thread
 * tells, the writer's asks.
 */
final class RecordCounter implements Consumer<RecordMetadata> {
    private long records;
    private RecordMetadata last;

    @Override
    public synchronized void accept(RecordMetadata place) {
        // A record that was refused has no place; the writer fails because of it.
        if (place != null && place.hasOffset()) {
            records++;
            last = place;
        }
    }

    synchronized long records() {
        return records;
    }

    /** Place of the last record, or null. */
    synchronized RecordMetadata last() {
        return last;
    }

    synchronized void reset() {
        records = 0;
        last = null;
    }
}
