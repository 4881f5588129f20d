package io.millrace.operators.corpus.output;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.util.List;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/** Tells faults of the output folder that every further attempt would meet from those that pass. */
final class OutputFaults {
    /** As the operating system says it. */
    private static final List<String> FULL =
            List.of("No space left on device", "Disk quota exceeded", "File too large");

    private static final String READ_ONLY = "Read-only file system";

    private OutputFaults() {}

    /** What is staged is not what the checkpoint says: a further attempt would meet the same. */
    static final class StagingLost extends IllegalStateException {
        private static final long serialVersionUID = 1L;

        /**
         * @param message what is wrong, a sentence
         */
        StagingLost(String message) {
            super(message);
        }

        StagingLost(String message, Exception cause) {
            super(message, cause);
        }
    }

    /**
     * What a task fails with.
     *
     * @param what could not be written, such as "the output of a.csv"
     * @return an exception that suppresses restarts and names the remedy, or {@code fault}
     */
    static Exception of(String what, OutputFolder folder, Exception fault) {
        if (fault instanceof StagingLost) {
            return permanent(
                    "What is staged for %s is not what the checkpoint says. %s Bring back what lay in %s, or begin anew with another output folder."
                            .formatted(what, fault.getMessage(), folder.hidden()),
                    fault);
        }
        if (!(fault instanceof IOException)) {
            return fault;
        }
        String message = String.valueOf(fault.getMessage());
        if (FULL.stream().anyMatch(message::contains)) {
            return permanent(
                    "There is no room for %s in %s (%s): make room, and the same command goes on."
                            .formatted(what, folder.root(), message),
                    fault);
        }
        if (fault instanceof AccessDeniedException || message.contains(READ_ONLY)) {
            return permanent(
                    "There is no writing %s in %s (%s): make it writable, and the same command goes on."
                            .formatted(what, folder.root(), message),
                    fault);
        }
        return fault;
    }

    private static Exception permanent(String message, Exception cause) {
        return new SuppressRestartsException(new IOException(message, cause));
    }
}
