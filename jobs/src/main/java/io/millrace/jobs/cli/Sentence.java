package io.millrace.jobs.cli;

import io.millrace.operators.kafka.admin.KafkaSetupException;
import java.io.IOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaException;

/** Formats an exception as one sentence for the user. */
public final class Sentence {
    private static final String LIB =
            "The engine's classes are missing: put the jars of dist/lib (made by mvn package) into"
                    + " the lib folder of Flink, on each machine, and restart the cluster.";

    private Sentence() {}

    /** The sentence of the outermost cause that is meant for users, else of the root cause. */
    public static String of(Throwable e) {
        Throwable root = e;
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof CommandFailedException || cause instanceof KafkaSetupException) {
                return cause.getMessage();
            }
            if (missingEngine(cause)) {
                return LIB;
            }
            if (cause instanceof LinkageError && root instanceof IOException) {
                // The code that failed to load it has reported the reason.
                return text(root);
            }
            root = cause;
        }
        if (root instanceof KafkaException) {
            return "Kafka: " + text(root);
        }
        return text(root);
    }

    /** The same with a full stop, for a sentence that others follow. */
    public static String ended(Throwable e) {
        String sentence = of(e);
        if (sentence.indexOf('\n') >= 0) {
            // Its last line is a command.
            return sentence + "\n";
        }
        return sentence.endsWith(".") ? sentence : sentence + ".";
    }

    private static boolean missingEngine(Throwable e) {
        return (e instanceof NoClassDefFoundError || e instanceof ClassNotFoundException)
                && e.getMessage() != null
                && e.getMessage().replace('/', '.').startsWith("io.millrace.gpu.");
    }

    /** The sentence for a missing engine. */
    public static String missingEngine() {
        return LIB;
    }

    private static String text(Throwable e) {
        String message = e.getMessage();
        if (message == null || message.isBlank()) {
            return e.getClass().getSimpleName() + " (--verbose shows where).";
        }
        String first = message.strip().lines().findFirst().orElse("");
        boolean plain =
                e instanceof IOException
                        || e instanceof IllegalArgumentException
                        || e instanceof IllegalStateException
                        || e instanceof ExecutionException
                        || e instanceof CompletionException
                        || e instanceof KafkaException;
        if (!plain) {
            return e.getClass().getSimpleName() + ": " + first;
        }
        return Character.toUpperCase(first.charAt(0)) + first.substring(1);
    }
}
