package io.millrace.operators.event;

import java.util.Map;

/**
 * A record of a topic as a form of events sees it. The arrays are not copied and must not change.
 *
 * @param topic its topic
 * @param partition its partition
 * @param offset its offset there
 * @param timestamp milliseconds since 1970
 * @param key its key, or null
 * @param headers its headers by name, the last one of each; values may be null
 * @param value the event
 */
public record EventRecord(
        String topic,
        int partition,
        long offset,
        long timestamp,
        byte[] key,
        Map<String, byte[]> headers,
        byte[] value) {

    /** Where it lies, as an id: {@code topic/partition/offset}. */
    String place() {
        return topic + "/" + partition + "/" + offset;
    }
}
