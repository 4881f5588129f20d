package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.TopicLimits;
import java.io.Serializable;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Explains why a topic refused a record: its limits have changed since the job's start. One per
 * writer, mailbox thread only.
 */
final class RefusedRecords implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(RefusedRecords.class);

    private final KafkaSettings settings;
    private final KafkaOutcomeSerializer serializer;

    RefusedRecords(KafkaSettings settings, KafkaOutcomeSerializer serializer) {
        this.settings = settings;
        this.serializer = serializer;
    }

    /** To be called before the writer of an attempt is made: the limits may have changed. */
    void onAttempt(int number) {
        if (number > 0) {
            serializer.takeLimits(serializer.limits().readAgain(settings));
        }
    }

    /** To be called when all records so far are written. */
    void onFlushed() {
        serializer.forgetLargest();
    }

    /** The failure, or a more specific one. */
    Exception explained(Exception failure) {
        if (ExceptionUtils.findThrowable(failure, RecordTooLargeException.class).isEmpty()) {
            return failure;
        }
        TopicLimits limits = serializer.limits();
        try {
            TopicLimits now = limits.readAgain(settings);
            int output = serializer.largestResult();
            int deadLetter = serializer.largestFailure();
            if (output > now.output().maxMessageBytes()) {
                return new TooLargeRecordException(
                        limits.output(), output, now.output().maxMessageBytes());
            }
            if (deadLetter > now.deadLetter().maxMessageBytes()) {
                return new TooLargeRecordException(
                        limits.deadLetter(), deadLetter, now.deadLetter().maxMessageBytes());
            }
        } catch (KafkaSetupException e) {
            LOG.warn("The limits of the topics cannot be read", e);
            failure.addSuppressed(e);
        }
        return failure;
    }
}
