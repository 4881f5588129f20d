package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.TopicLimits;

/**
 * A topic takes less than it did when the job last asked. The message is for the user; Kafka's own
 * names neither topic nor size.
 */
public final class TooLargeRecordException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    /**
     * @param topic as it was when the job last asked
     * @param largest bytes of the largest record since the last checkpoint
     * @param now bytes that it takes now
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
