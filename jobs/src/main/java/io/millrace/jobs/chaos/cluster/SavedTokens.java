package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Looks into a job's checkpoints. Chaos judges a job from outside and cannot read them; whoever
 * starts it hands in how.
 */
@FunctionalInterface
public interface SavedTokens {
    /**
     * Tokens of half-written answers in the newest complete checkpoint.
     *
     * @param checkpoints of one submission; need not be there yet
     */
    int inNewest(Path checkpoints) throws IOException;
}
