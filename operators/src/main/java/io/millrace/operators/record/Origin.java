package io.millrace.operators.record;

import io.millrace.operators.event.EventRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The source and position of a record, with its bytes as read. Immutable by convention: the arrays
 * are not copied and must not change.
 *
 * @param source Kafka topic, the path of a file, or the name of a stream
 * @param position position in the source
 * @param timestamp Kafka timestamp, milliseconds since 1970
 * @param key record key, may be null
 * @param headers record headers, in order
 * @param value record value, never null (a tombstone is empty)
 */
public record Origin(
        String source,
        Position position,
        long timestamp,
        byte[] key,
        List<Header> headers,
        byte[] value) {

    public Origin {
        headers = List.copyOf(headers);
    }

    /**
     * Minimum length of a long record, whose reading or encoding takes a noticeable part of a
     * millisecond.
     */
    private static final int LONG_BYTES = 16 << 10;

    /** Whether the record is read and encoded on another thread than the mailbox thread. */
    public boolean isLong() {
        return value.length > LONG_BYTES;
    }

    /** The record as a form of events sees it. */
    public EventRecord asEvent() {
        Map<String, byte[]> last = new LinkedHashMap<>();
        headers.forEach(header -> last.put(header.name(), header.value()));
        return new EventRecord(
                source, position.partition(), position.offset(), timestamp, key, last, value);
    }

    /** One record header; the value may be null. */
    public record Header(String name, byte[] value) {}

    @Override
    public String toString() {
        return position.in(source);
    }
}
