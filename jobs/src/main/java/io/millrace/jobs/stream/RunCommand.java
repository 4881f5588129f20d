package io.millrace.jobs.stream;

import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.FlinkClient;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Signals;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.config.ConfigArgument;
import io.millrace.jobs.cli.config.ConfiguredArguments;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.operators.options.PipelineOptions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.jobmanager.HighAvailabilityMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.common.TopicPartition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The streaming job, in an embedded cluster or submitted by Flink's client. */
@Command(
        name = "run",
        preprocessor = ConfiguredArguments.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Answers the prompts of Kafka topics until Ctrl-C, which takes a savepoint.",
            "Runs a Flink cluster inside this process. The same command goes to a cluster of your"
                    + " own: flink run millrace-jobs.jar run ..., with the jars of dist/lib in that"
                    + " cluster's lib folder."
        })
public final class RunCommand implements Callable<Integer> {
    @Mixin private JobArguments arguments = new JobArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();
    @Mixin private ConfigArgument config = new ConfigArgument();

    @Option(
            names = "--ui-port",
            paramLabel = "PORT",
            defaultValue = "0",
            description =
                    "Port of Flink's web UI; 0 takes the first free one from 8081 on. Not for a"
                            + " cluster of your own.")
    private int uiPort;

    @Override
    public Integer call() throws Exception {
        try {
            return run();
        } catch (KafkaSetupException e) {
            throw new CommandFailedException(arguments.kafka.pasteable(e.getMessage()), e);
        }
    }

    private int run() throws Exception {
        Checks.range("--ui-port", uiPort, 0, 65535);
        if (FlinkClient.isCaller()) {
            submitToCluster();
            return 0;
        }
        arguments.engine.checkFolder();
        String data = FlinkSettings.dataFolder().resolve("checkpoints").toString();
        String dir = arguments.checkpointDir == null ? data : arguments.checkpointDir;
        try (EmbeddedJob job = new EmbeddedJob(arguments, dir, uiPort, new Progress(System.out))) {
            job.start();
            Signals.onStop(job::requestStop);
            return job.await() ? 0 : 1;
        }
    }

    /** Submits to the environment of Flink's client, which sets the cluster and the state. */
    private void submitToCluster() throws Exception {
        KafkaSettings kafka = arguments.kafka();
        StateDirectory state =
                arguments.checkpointDir == null
                        ? null
                        : new StateDirectory(arguments.checkpointDir, arguments.applicationId);
        Configuration settings = FlinkSettings.ofJob(arguments, state);
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment();
        Configuration cluster = new Configuration();
        cluster.addAll(Configuration.fromMap(environment.getConfiguration().toMap()));
        cluster.addAll(settings);
        FlinkSettings.requireCheckpoints(cluster);
        int parallelism = arguments.parallelism(cluster);
        if (arguments.createTopics) {
            TopicLimits.create(kafka, parallelism)
                    .forEach(created -> System.out.println("Created topic " + created));
        }
        TopicLimits limits = TopicLimits.read(kafka, parallelism);
        limits.checkTransactionTimeout(kafka, FlinkSettings.checkpointInterval(cluster));
        PipelineOptions pipeline = arguments.pipeline(suspects(state, cluster));
        boolean resumes =
                cluster.contains(StateRecoveryOptions.SAVEPOINT_PATH)
                        || HighAvailabilityMode.isHighAvailabilityModeActivated(cluster);
        if (!resumes) {
            Optional<StateDirectory.State> newest =
                    state == null ? Optional.empty() : state.newest();
            Resumption resumption =
                    Resumption.decide(newest, committed(arguments), arguments.start, arguments);
            newest.ifPresent(found -> FlinkSettings.resume(settings, found.path()));
            newest.ifPresent(found -> System.out.println("Resumes " + found));
            kafka = startingAt(resumption.start());
        }
        inputs(new InputReport(kafka, limits.inputs()), settings, cluster, resumes)
                .forEach(line -> System.out.println("Input " + line));
        kafka.notes().forEach(System.out::println);
        java.nio.file.Path schema = OutputSchema.write(kafka, arguments.outputSchema());
        if (schema != null) {
            System.out.println("The schema of " + kafka.outputTopic() + " is in " + schema);
        }
        environment.configure(settings);
        StreamingJob.define(environment, pipeline, kafka, limits, parallelism);
        environment.execute(arguments.applicationId);
    }

    /**
     * @param resumes whether Flink's client or the cluster resumes a state
     */
    private static List<String> inputs(
            InputReport report, Configuration settings, Configuration cluster, boolean resumes) {
        Optional<String> state =
                settings.getOptional(StateRecoveryOptions.SAVEPOINT_PATH)
                        .or(() -> cluster.getOptional(StateRecoveryOptions.SAVEPOINT_PATH));
        if (state.isPresent()) {
            return report.resumed(state.get());
        }
        return resumes ? report.resumedByCluster() : report.begun();
    }

    /**
     * The folder of the journal beside the checkpoints; null if they are in a custom storage of the
     * cluster.
     */
    private String suspects(StateDirectory state, Configuration cluster) {
        if (state != null) {
            return state.suspects();
        }
        String checkpoints = cluster.get(CheckpointingOptions.CHECKPOINTS_DIRECTORY);
        if (checkpoints == null) {
            System.out.println(
                    "There is no checkpoint folder (--checkpoint-dir or"
                            + " execution.checkpointing.dir): a request that brings the engine down"
                            + " cannot be told from the others and will do so again and again.");
            return null;
        }
        return new Path(checkpoints, arguments.applicationId + "-suspects").toString();
    }

    private KafkaSettings startingAt(StartingPoint start) {
        arguments.start = start;
        return arguments.kafka();
    }

    /** Offsets of the job's consumer group. */
    static Map<TopicPartition, Long> committed(JobArguments arguments) throws IOException {
        try (Brokers brokers = Brokers.connect(arguments.kafka)) {
            return brokers.committed(arguments.kafka().groupId());
        }
    }
}
