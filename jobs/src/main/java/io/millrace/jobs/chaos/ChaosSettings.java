package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.PromptSet;
import io.millrace.jobs.chaos.cluster.Cluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Settings of the cluster and of its requests.
 *
 * @param home the repository's root, built
 * @param folder folder of logs and data; created, and removed at the end unless something was wrong
 * @param prompts records of the input topic
 * @param completions completions per request
 * @param poisonPercent percentage of records that cannot be answered
 * @param taskManagers number of TaskManagers
 * @param checkpointInterval checkpoint interval of the job
 * @param jobOptions further options of {@code run}, which override those of the suite
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

    /** Parallelism at the start of a run. */
    int parallelism() {
        return Math.min(2, maxParallelism());
    }

    /** Maximum parallelism of a rescale. */
    int maxParallelism() {
        return Math.min(PromptSet.PARTITIONS, taskManagers * Cluster.SLOTS) - 1;
    }
}
