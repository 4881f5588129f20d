package io.millrace.jobs.stream;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.job.Delivery;
import io.millrace.jobs.cli.job.JobArguments;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.core.execution.RecoveryClaimMode;

/** Flink's configuration: the file of {@code flink-conf}, and what the job's options set. */
public final class FlinkSettings {
    private FlinkSettings() {}

    /** The settings of {@code flink-conf/config.yaml}, whose folder the launcher sets. */
    public static Configuration load() {
        String folder = System.getProperty("millrace.conf");
        if (folder == null) {
            return new Configuration();
        }
        if (!new File(folder, GlobalConfiguration.FLINK_CONF_FILENAME).isFile()) {
            throw new CommandFailedException(
                    "There is no Flink configuration "
                            + folder
                            + "/"
                            + GlobalConfiguration.FLINK_CONF_FILENAME
                            + ": bring it back from the repository.");
        }
        return GlobalConfiguration.loadConfiguration(folder);
    }

    /** The folder for logs and checkpoints of this process. */
    public static Path dataFolder() {
        return Path.of(System.getProperty("millrace.data", "millrace-data"));
    }

    /** The settings that the job requires or its options set, which override the cluster's file. */
    static Configuration ofJob(JobArguments arguments, StateDirectory state) {
        return ofJob(
                arguments.applicationId,
                arguments.delivery == Delivery.EXACTLY_ONCE
                        ? CheckpointingMode.EXACTLY_ONCE
                        : CheckpointingMode.AT_LEAST_ONCE,
                arguments.checkpointInterval,
                state);
    }

    /**
     * The settings that any of our jobs requires.
     *
     * @param checkpointInterval null: that of the cluster's file
     * @param state null: the folders of the cluster's file
     */
    public static Configuration ofJob(
            String name,
            CheckpointingMode mode,
            Duration checkpointInterval,
            StateDirectory state) {
        Configuration settings = new Configuration();
        settings.set(PipelineOptions.NAME, name);
        settings.set(PipelineOptions.AUTO_GENERATE_UIDS, false);
        settings.set(PipelineOptions.GENERIC_TYPES, false);
        settings.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, mode);
        settings.set(
                CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        if (checkpointInterval != null) {
            settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, checkpointInterval);
        }
        if (state != null) {
            settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
            settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, state.checkpoints());
            settings.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, state.savepoints());
        }
        return settings;
    }

    /**
     * Refuses a job with checkpoints in the JobManager's heap, where state above 5 MiB fails each
     * of them, and a job without checkpoints, whose answers would never be committed.
     *
     * @param settings the merged settings of the job and of the cluster's file
     * @throws CommandFailedException with the remedy
     */
    static void requireCheckpoints(Configuration settings) {
        if (checkpointInterval(settings).isZero()) {
            throw new CommandFailedException(
                    "There are no checkpoints, so answers would never be committed: give"
                            + " --checkpoint-interval, or set "
                            + CheckpointingOptions.CHECKPOINTING_INTERVAL.key()
                            + " in Flink's config.yaml.");
        }
        String storage = settings.getOptional(CheckpointingOptions.CHECKPOINT_STORAGE).orElse(null);
        boolean folder = settings.contains(CheckpointingOptions.CHECKPOINTS_DIRECTORY);
        // Any other name is a custom storage of the cluster.
        boolean known = storage == null || storage.equals("filesystem");
        if ("jobmanager".equals(storage) || known && !folder) {
            throw new CommandFailedException(
                    "Checkpoints would lie in the JobManager's heap ("
                            + (storage == null
                                    ? "there is no "
                                            + CheckpointingOptions.CHECKPOINTS_DIRECTORY.key()
                                    : CheckpointingOptions.CHECKPOINT_STORAGE.key()
                                            + " is "
                                            + storage)
                            + "), which takes 5 MiB of requests in flight and loses them with the"
                            + " JobManager: give --checkpoint-dir, or set "
                            + CheckpointingOptions.CHECKPOINTS_DIRECTORY.key()
                            + " in the config.yaml of Flink's client, a folder that all machines"
                            + " reach.");
        }
    }

    /** Checkpoint interval; zero without checkpoints. */
    static Duration checkpointInterval(Configuration settings) {
        return settings.getOptional(CheckpointingOptions.CHECKPOINTING_INTERVAL)
                .orElse(Duration.ZERO);
    }

    /**
     * Makes the job resume this state and claim it: Flink deletes it once newer checkpoints exist.
     */
    public static void resume(Configuration settings, String path) {
        settings.set(StateRecoveryOptions.SAVEPOINT_PATH, path);
        settings.set(StateRecoveryOptions.RESTORE_MODE, RecoveryClaimMode.CLAIM);
    }
}
