package io.millrace.operators.kafka.admin;

/**
 * A cluster, topic or setting that the job cannot use. The message is one sentence for the user;
 * Kafka's exception is a suppressed one.
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

    /** The first line of Kafka's message, with a full stop. */
    static String ended(String message) {
        if (message == null) {
            return "no reason was given.";
        }
        String line = message.lines().findFirst().orElse("").strip();
        return line.endsWith(".") ? line : line + ".";
    }
}
