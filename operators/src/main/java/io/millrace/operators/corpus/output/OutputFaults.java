package io.millrace.operators.corpus.output;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.util.List;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/** Distinguishes permanent faults of the output folder from those that a restart may cure. */
final class OutputFaults {
    /** Messages of the operating system. */
    private static final List<String> FULL =
            List.of("No space left on device", "Disk quota exceeded", "File too large");

    private static final String READ_ONLY = "Read-only file system";

    private OutputFaults() {}

    /** The staging files do not match the checkpoint. A restart does not cure it. */
    static final class StagingLost extends IllegalStateException {
        private static final long serialVersionUID = 1L;

        /**
         * @param message the fault, a sentence
         */
        StagingLost(String message) {
            super(message);
        }

        StagingLost(String message, Exception cause) {
            super(message, cause);
        }
    }

    /**
     * The exception with which the task should fail.
     *
     * @param what the object that could not be written, such as "the output of a.csv"
     * @return an exception that suppresses restarts and names the remedy; {@code fault} itself if a
     *     restart may cure it
     */
    static Exception of(String what, OutputFolder folder, Exception fault) {
        if (fault instanceof StagingLost) {
            return permanent(
                    "The staging files of %s do not match the checkpoint. %s Restore the files in %s, or start again with another output folder."
                            .formatted(what, fault.getMessage(), folder.hidden()),
                    fault);
        }
        if (!(fault instanceof IOException)) {
            return fault;
        }
        String message = String.valueOf(fault.getMessage());
        if (FULL.stream().anyMatch(message::contains)) {
            return permanent(
                    "There is no space for %s in %s (%s): free space, then repeat the command to continue."
                            .formatted(what, folder.root(), message),
                    fault);
        }
        if (fault instanceof AccessDeniedException || message.contains(READ_ONLY)) {
            return permanent(
                    "The job may not write %s in %s (%s): make the folder writable, then repeat the command to continue."
                            .formatted(what, folder.root(), message),
                    fault);
        }
        return fault;
    }

    private static Exception permanent(String message, Exception cause) {
        return new SuppressRestartsException(new IOException(message, cause));
    }
}
