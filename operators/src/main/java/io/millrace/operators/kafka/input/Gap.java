package io.millrace.operators.kafka.input;

import org.apache.kafka.common.TopicPartition;

/**
 * A position that is outside of its partition's log.
 *
 * @param position offset of what was to be read next
 * @param first first offset that the log has
 * @param end offset behind its last
 */
record Gap(TopicPartition partition, long position, long first, long end) {

    /** Whether the log has the position, or would with the next record. */
    boolean isNone() {
        return first <= position && position <= end;
    }

    /**
     * Offsets that are gone, as far as anybody can tell: of a topic that was made anew, nobody can.
     */
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
