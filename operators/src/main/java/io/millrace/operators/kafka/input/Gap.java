package io.millrace.operators.kafka.input;

import org.apache.kafka.common.TopicPartition;

/**
 * A position that is outside of its partition's log.
 *
 * @param position offset to be read next
 * @param first first offset of the log
 * @param end offset after its last record
 */
record Gap(TopicPartition partition, long position, long first, long end) {

    /** Whether the position is in the log, or at its end. */
    boolean isNone() {
        return first <= position && position <= end;
    }

    /** Number of deleted offsets; unknown, and 0, for a topic that was recreated. */
    long lost() {
        return Math.max(0, first - position);
    }

    @Override
    public String toString() {
        String place = "partition " + partition.partition() + " of topic " + partition.topic();
        if (position > end) {
            return "The job would go on at offset "
                    + position
                    + " of "
                    + place
                    + ", but that has only offsets "
                    + first
                    + " to "
                    + (end - 1)
                    + ": the topic was deleted and made anew, or its brokers lost its end; go on at"
                    + " its first record.";
        }
        return "Offsets "
                + position
                + " to "
                + (first - 1)
                + " ("
                + lost()
                + ") of "
                + place
                + " were deleted before they were read, by the topic's retention or by somebody:"
                + " requests there will have no answer. Raise retention.ms or retention.bytes.";
    }
}
