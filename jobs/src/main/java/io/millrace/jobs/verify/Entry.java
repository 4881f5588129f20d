package io.millrace.jobs.verify;

import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import java.util.List;

/**
 * One record of a topic, or one line of a file.
 *
 * @param source the topic, or the file as named by the user
 * @param position position in the source
 * @param timestamp Kafka timestamp, milliseconds since 1970; -1 for a file, which has none
 * @param key record key; null for none and for a file
 * @param value record value; null for a tombstone
 */
record Entry(String source, Position position, long timestamp, byte[] key, byte[] value) {
    boolean isOfFile() {
        return position instanceof Position.Line;
    }

    /** Display text of its position, as in dead letters. */
    String place() {
        return position.in(source);
    }

    /** The origin as the job saw it, with another time. */
    Origin origin(long timeMs) {
        return new Origin(source, position, timeMs, key, List.of(), value);
    }
}
