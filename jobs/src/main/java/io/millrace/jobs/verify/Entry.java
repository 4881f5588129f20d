package io.millrace.jobs.verify;

import io.millrace.operators.record.Origin;
import java.util.List;

/**
 * One record of a topic, or one line of a file.
 *
 * @param source the topic, or the file as it was named
 * @param partition Kafka partition; {@link #OF_FILE} for a file
 * @param offset Kafka offset, or the number of the line, from 1
 * @param timestamp Kafka timestamp, milliseconds since 1970; -1 for a file, which has none
 * @param key record key; null for none and for a file
 * @param value record value; null for a tombstone
 */
record Entry(String source, int partition, long offset, long timestamp, byte[] key, byte[] value) {
    static final int OF_FILE = -1;

    boolean isOfFile() {
        return partition == OF_FILE;
    }

    /** Where it is, in the words of dead letters. */
    String place() {
        return isOfFile() ? source + " line " + offset : place(source, partition, offset);
    }

    static String place(String topic, int partition, long offset) {
        return topic + "-" + partition + "@" + offset;
    }

    /** As the job saw it, but at that time. */
    Origin origin(long timeMs) {
        return new Origin(source, Math.max(0, partition), offset, timeMs, key, List.of(), value);
    }
}
