package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Reads a job's checkpoints. Chaos has no access to the operators' state; its caller provides the
 * implementation.
 */
@FunctionalInterface
public interface SavedTokens {
    /**
     * Tokens of unfinished answers in the newest complete checkpoint.
     *
     * @param checkpoints folder of the checkpoints of one submission; may not exist yet
     */
    int inNewest(Path checkpoints) throws IOException;
}
