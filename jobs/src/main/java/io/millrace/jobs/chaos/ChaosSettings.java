package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.PromptSet;
import io.millrace.jobs.chaos.cluster.Cluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * The cluster and what it has to answer.
 *
 * @param home the repository's root, built
 * @param folder for logs and data; made, and removed at the end unless something was wrong
 * @param prompts records of the input topic
 * @param completions asked for by each request
 * @param poisonPercent how many of a hundred records cannot be answered
 * @param taskManagers how many there are
 * @param checkpointInterval of the job
 * @param jobOptions further options of {@code run}; they win over those that the suite sets
 */
public record ChaosSettings(
        Path home,
        Path folder,
        int prompts,
        int completions,
        int poisonPercent,
        int taskManagers,
        Duration checkpointInterval,
        List<String> jobOptions) {

    /** Subtasks that a run begins with. */
    int parallelism() {
        return Math.min(2, maxParallelism());
    }

    /** Subtasks that a rescale may ask for. */
    int maxParallelism() {
        return Math.min(PromptSet.PARTITIONS, taskManagers * Cluster.SLOTS) - 1;
    }
}
