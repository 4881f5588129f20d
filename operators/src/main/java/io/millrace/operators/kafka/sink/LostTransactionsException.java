package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.KafkaSettings;
import java.util.OptionalLong;

/**
 * Records that a checkpoint counts as written, but whose transaction was aborted. The message is
 * for the user.
 */
public final class LostTransactionsException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    LostTransactionsException(
            int transactions,
            long records,
            KafkaSettings settings,
            int transactionTimeoutMs,
            OptionalLong restoredCheckpoint) {
        super(
                "Kafka refuses to commit "
                        + transactions
                        + (transactions == 1 ? " transaction" : " transactions")
                        + " with "
                        + records
                        + " answers and failures for "
                        + settings.outputTopic()
                        + " and "
                        + settings.deadLetterTopic()
                        + ", and they are not in the topics: they were aborted, since the job was"
                        + " down for longer than transaction.timeout.ms ("
                        + transactionTimeoutMs
                        + " ms) or another job uses application id "
                        + settings.applicationId()
                        + ". "
                        + remedy(restoredCheckpoint));
    }

    private static String remedy(OptionalLong restored) {
        String goOn = "--accept-lost-transactions to go on without them.";
        return restored.isEmpty()
                ? "Give " + goOn
                : "Resume the checkpoint before "
                        + restored.getAsLong()
                        + " to have them answered again (move chk-"
                        + restored.getAsLong()
                        + " away), or give "
                        + goOn;
    }
}
