package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.TopicLimits;

/**
 * The limit of a topic was lowered since the job last read it. The message is for the user; Kafka's
 * names neither topic nor size.
 */
public final class TooLargeRecordException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    /**
     * @param topic the limits that the job last read
     * @param largest bytes of the largest record since the last checkpoint
     * @param now the current limit in bytes
     */
    TooLargeRecordException(TopicLimits.Topic topic, int largest, int now) {
        super(
                "Topic "
                        + topic.name()
                        + " refused a record: the largest since the last checkpoint has "
                        + largest
                        + " bytes, and max.message.bytes was lowered from "
                        + topic.maxMessageBytes()
                        + " to "
                        + now
                        + " while the job ran. An answer that no longer fits becomes a dead letter,"
                        + " result_too_large; to have it, raise max.message.bytes before the job"
                        + " comes to it again.");
    }
}
