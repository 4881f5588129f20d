package io.millrace.operators.kafka.admin;

/**
 * A cluster, topic or setting that the job cannot work with. The message is one sentence for the
 * user; what Kafka threw is among the suppressed.
 */
public final class KafkaSetupException extends IllegalStateException {

    private static final long serialVersionUID = 1;

    KafkaSetupException(String sentence) {
        super(sentence);
    }

    KafkaSetupException(String sentence, Throwable thrown) {
        super(sentence);
        addSuppressed(thrown);
    }

    /** The first line of what Kafka said, with a full stop. */
    static String ended(String message) {
        if (message == null) {
            return "no reason was given.";
        }
        String line = message.lines().findFirst().orElse("").strip();
        return line.endsWith(".") ? line : line + ".";
    }
}
