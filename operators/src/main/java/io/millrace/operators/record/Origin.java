package io.millrace.operators.record;

import java.util.List;

/**
 * Where a record came from, with its bytes as they were read. Immutable by agreement: the arrays
 * are not copied and must not change.
 *
 * @param source Kafka topic, or the path of a file
 * @param position where in the source
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

    /** One record header; the value may be null. */
    public record Header(String name, byte[] value) {}

    @Override
    public String toString() {
        return position.in(source);
    }
}
