package io.millrace.jobs.cli;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.OutputPartition;
import io.millrace.operators.kafka.source.OnLostInput;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.FaultOptions;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.options.ResumePolicy;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of the streaming job, the same in an embedded cluster and on a real one. */
public final class JobArguments {
    @Mixin public KafkaArguments kafka = new KafkaArguments();
    @Mixin public EngineArguments engine = new EngineArguments();
    @Mixin public FormatArguments format = new FormatArguments();

    @ArgGroup public Input input = new Input();

    /** Which topics are read: by name or by pattern. */
    public static final class Input {
        @Option(
                names = "--input-topics",
                paramLabel = "TOPIC,...",
                split = ",",
                hideParamSyntax = true,
                description = "Topics with requests (default: prompts).")
        public List<String> topics = List.of("prompts");

        @Option(
                names = "--input-topic-pattern",
                paramLabel = "REGEX",
                description = "Reads all topics whose whole name matches, instead of a list.")
        String pattern;
    }

    @Option(
            names = "--output-topic",
            paramLabel = "TOPIC",
            defaultValue = "answers",
            description = "Topic for answers.")
    public String outputTopic;

    @Option(
            names = "--dead-letter-topic",
            paramLabel = "TOPIC",
            defaultValue = "dead-letters",
            description = "Topic for records that cannot be answered, each with the reason.")
    public String deadLetterTopic;

    @Option(
            names = "--create-topics",
            description =
                    "Creates topics that are not there, with four partitions, or as many as the"
                            + " parallelism, and the brokers' own settings.")
    public boolean createTopics;

    @Option(
            names = "--application-id",
            paramLabel = "ID",
            defaultValue = "millrace",
            description =
                    "Names this job: its state, its transactions. A later run of the same id resumes"
                            + " its newest savepoint or checkpoint.")
    public String applicationId;

    @Option(
            names = "--group-id",
            paramLabel = "ID",
            description = "Kafka consumer group; by default the application id.")
    public String groupId;

    @Option(
            names = "--partition-discovery",
            paramLabel = "TIME",
            description =
                    "Time after which new partitions, and new topics of the pattern, are read"
                            + " (default: 5min). 0s never looks again.")
    Duration partitionDiscovery;

    @Option(
            names = "--start",
            paramLabel = "WHERE",
            defaultValue = "earliest",
            converter = StartingPointConverter.class,
            description =
                    "Where a run without state begins in partitions that the group has no offsets"
                            + " for: earliest, latest, or timestamp:WHEN with milliseconds since 1970"
                            + " or a time such as 2026-11-22T18:00:00Z.")
    public StartingPoint start;

    @Option(
            names = "--on-lost-input",
            paramLabel = "fail|skip",
            defaultValue = "fail",
            description =
                    "What to do where records of the input are gone before they were read (retention,"
                            + " deletion, a topic made anew): fail, and say which; or skip them, say"
                            + " so, and count them in the metric lost_input_offsets.")
    OnLostInput onLostInput;

    @Option(
            names = "--accept-loss",
            description =
                    "Begins at the group's offsets although the state that belongs to them is gone:"
                            + " requests that were in flight then are never answered.")
    public boolean acceptLoss;

    @Option(
            names = "--resume",
            paramLabel = "continue|restart",
            defaultValue = "continue",
            description =
                    "What half-answered requests of the resumed state do: continue after their saved"
                            + " tokens, or restart at the first. The answers are the same.")
    ResumePolicy.Resume resume;

    @Option(
            names = "--on-model-change",
            paramLabel = "fail|restart|continue",
            defaultValue = "fail",
            description =
                    "What to do where the resumed state is of another model, tokenizer or kernels:"
                            + " fail; restart, so that this model answers half-answered requests from"
                            + " the first token; or continue after the old model's tokens, which"
                            + " model_fingerprint in the results tells.")
    ResumePolicy.OnModelChange onModelChange;

    @Option(
            names = "--accept-lost-transactions",
            description =
                    "Goes on where exactly-once answers are lost, since the job was down for longer"
                            + " than transaction.timeout.ms; else the job fails and says so.")
    boolean acceptLostTransactions;

    @Option(
            names = "--output-partition",
            paramLabel = "key|same",
            defaultValue = "key",
            description =
                    "Partition of an answer or dead letter: the one that Kafka's Java producer gives"
                            + " its key, or the same number as its request's.")
    OutputPartition outputPartition;

    @Option(
            names = "--drop-headers",
            paramLabel = "REGEX",
            description =
                    "Headers of requests whose whole name matches are not copied to answers and dead"
                            + " letters, besides those that would be false there (docs/formats.md).")
    String dropHeaders;

    @Option(
            names = "--delivery",
            paramLabel = "exactly-once|at-least-once",
            defaultValue = "exactly-once",
            converter = Delivery.Converter.class,
            description =
                    "Exactly-once answers become visible at each checkpoint; at-least-once ones at"
                            + " once, but some twice (byte-equal) after a failure.")
    public Delivery delivery;

    @Option(
            names = "--checkpoint-interval",
            paramLabel = "TIME",
            description =
                    "Time between checkpoints, such as 500ms or 10s; by default as in"
                            + " flink-conf/config.yaml (5s).")
    public Duration checkpointInterval;

    @Option(
            names = "--checkpoint-dir",
            paramLabel = "DIR",
            description =
                    "Folder for checkpoints and savepoints, a path or an address such as s3://...;"
                            + " by default millrace-data/checkpoints, on a cluster the cluster's own.")
    public String checkpointDir;

    @Option(
            names = "--partitioning",
            paramLabel = "none|prefix",
            defaultValue = "none",
            description =
                    "none: each subtask answers what it reads. prefix: requests go over the network so"
                            + " that those which begin alike, or have one routing_key, meet the prefix"
                            + " cache of one engine; for engines in several processes, with"
                            + " unordered dynamic batching.")
    Partitioning partitioning;

    @Option(
            names = "--batching",
            paramLabel = "dynamic|static",
            defaultValue = "dynamic",
            description =
                    "dynamic: requests join the engine between any two steps and leave as each is"
                            + " finished. static: a batch runs to its end before the next.")
    Batching batching;

    @Option(
            names = "--batch-size",
            paramLabel = "COUNT",
            defaultValue = "32",
            description = "Most requests in a static batch.")
    int batchSize;

    @Option(
            names = "--batch-timeout",
            paramLabel = "TIME",
            defaultValue = "100ms",
            description = "Longest time that a request waits for its static batch to fill.")
    Duration batchTimeout;

    @Option(
            names = "--ordered",
            description =
                    "Answers of a partition leave in the order of its requests, else as each is"
                            + " finished.")
    boolean ordered;

    @Option(
            names = "--max-in-flight",
            paramLabel = "COUNT",
            description =
                    "Requests in flight in a subtask from which on it reads no more (default: four"
                            + " times --max-sequences, so that there is a queue).")
    Integer maxInFlight;

    @Option(
            names = "--max-in-flight-tokens",
            paramLabel = "TOKENS",
            defaultValue = "1048576",
            description =
                    "Tokens (prompts and most new ones together) in flight in a subtask from which on"
                            + " it reads no more.")
    long maxInFlightTokens;

    @Option(
            names = "--max-prompt-size",
            paramLabel = "SIZE",
            defaultValue = "1m",
            description =
                    "Most bytes of a prompt's text, or of a conversation's texts together; more is a"
                            + " dead letter without being tokenized.")
    MemorySize maxPromptSize;

    @Option(
            names = "--parallelism",
            paramLabel = "COUNT",
            description =
                    "Subtasks; not more than there are input partitions. Those in one process share"
                            + " one engine. By default what flink run -p says, else"
                            + " parallelism.default of Flink's configuration (1).")
    Integer parallelism;

    /**
     * Subtasks of the job.
     *
     * @param flink Flink's configuration, with what its client was asked for
     */
    public int parallelism(Configuration flink) {
        return parallelism == null ? flink.get(CoreOptions.DEFAULT_PARALLELISM) : parallelism;
    }

    @Option(
            names = "--step-timeout",
            paramLabel = "TIME",
            defaultValue = "5min",
            description =
                    "Most time for one step of the engine; one that takes longer is stopped and fails"
                            + " the job's tasks, or, where it cannot be stopped, ends the process. 0s"
                            + " for any time.")
    Duration stepTimeout;

    @Option(
            names = "--max-attempts",
            paramLabel = "COUNT",
            defaultValue = "3",
            description =
                    "How often a request may bring the engine down while it runs alone, before it is a"
                            + " dead letter.")
    int maxAttempts;

    /** The wire format options, which tools share with the job. */
    public static final class FormatArguments {
        @Option(
                names = "--format",
                paramLabel = "json|avro|confluent",
                defaultValue = "json",
                description =
                        "Wire format of all topics: plain JSON, Avro single-object encoding, or"
                                + " Confluent's with a schema registry.")
        WireFormat format;

        @Option(
                names = "--registry-url",
                paramLabel = "URL",
                description =
                        "Schema registry for --format confluent, user:password@ before the host"
                                + " where it asks for them.")
        String registryUrl;

        @Option(
                names = "--registry-config",
                paramLabel = "FILE",
                description =
                        "Properties file with the registry's settings, named as Confluent's clients"
                                + " name them: basic.auth.user.info, bearer.auth.token,"
                                + " ssl.truststore.location, ssl.keystore.location and their"
                                + " passwords.")
        Path registryConfig;

        public FormatSettings settings() {
            if (format == WireFormat.CONFLUENT && registryUrl == null) {
                throw new CommandFailedException(
                        "--format confluent needs --registry-url, the address of a schema registry.");
            }
            if (registryConfig != null && registryUrl == null) {
                throw new CommandFailedException(
                        "--registry-config needs --registry-url, the registry that it is for.");
            }
            try {
                return new FormatSettings(format, registryUrl == null ? null : registry());
            } catch (IllegalArgumentException e) {
                throw new CommandFailedException("--registry-url: " + e.getMessage() + ".", e);
            }
        }

        private RegistrySettings registry() {
            RegistrySettings registry = RegistrySettings.of(registryUrl);
            return registryConfig == null
                    ? registry
                    : registry.with(KafkaArguments.properties("--registry-config", registryConfig));
        }
    }

    /** How the job is tied to Kafka, checked. */
    public KafkaSettings kafka() {
        KafkaSettings.Builder settings =
                KafkaSettings.builder()
                        .bootstrapServers(kafka.bootstrapServers)
                        .outputTopic(outputTopic)
                        .deadLetterTopic(deadLetterTopic)
                        .applicationId(applicationId)
                        .groupId(groupId)
                        .start(start)
                        .onLostInput(onLostInput)
                        .delivery(delivery.guarantee())
                        .acceptLostTransactions(acceptLostTransactions)
                        .outputPartition(outputPartition)
                        .dropHeaders(dropHeaders)
                        .format(format.settings())
                        .client(kafka.clientSettings());
        if (partitionDiscovery != null) {
            settings.client(
                    "partition.discovery.interval.ms",
                    Long.toString(partitionDiscovery.toMillis()));
        }
        if (input.pattern == null) {
            settings.topics(input.topics);
        } else {
            settings.topicPattern(input.pattern);
        }
        try {
            return settings.build();
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(e.getMessage(), e);
        }
    }

    /**
     * The pipeline's options, ranges checked.
     *
     * @param journal folder of the journal of suspects, or null
     */
    public PipelineOptions pipeline(String journal) {
        Checks.atLeast("--batch-size", batchSize, 1);
        Checks.atLeast("--batch-timeout (in ms)", batchTimeout.toMillis(), 1);
        if (maxInFlight != null) {
            Checks.atLeast("--max-in-flight", maxInFlight, 1);
        }
        Checks.atLeast("--max-in-flight-tokens", maxInFlightTokens, 1);
        Checks.atLeast("--max-prompt-size (in bytes)", maxPromptSize.getBytes(), 1);
        if (parallelism != null) {
            Checks.atLeast("--parallelism", parallelism, 1);
        }
        Checks.atLeast("--step-timeout (in ms)", stepTimeout.toMillis(), 0);
        Checks.atLeast("--max-attempts", maxAttempts, 1);
        if (partitioning == Partitioning.PREFIX && batching == Batching.STATIC) {
            throw new CommandFailedException(
                    "--partitioning prefix does not go with --batching static, since a savepoint would"
                            + " wait for whole batches: use --batching dynamic, or --partitioning none.");
        }
        if (partitioning == Partitioning.PREFIX && ordered) {
            throw new CommandFailedException(
                    "--partitioning prefix does not go with --ordered, since requests of one partition"
                            + " are answered by several subtasks: leave --ordered away, or use"
                            + " --partitioning none.");
        }
        return PipelineOptions.builder(engine.options(), Loaders.engine())
                .partitioning(partitioning)
                .batching(batching)
                .batchSize(batchSize)
                .batchTimeoutMs(batchTimeout.toMillis())
                .ordered(ordered)
                .resumePolicy(new ResumePolicy(resume, onModelChange))
                .faults(new FaultOptions(stepTimeout, maxAttempts, journal))
                .maxInFlightRequests(maxInFlight == null ? 0 : maxInFlight)
                .maxInFlightTokens(maxInFlightTokens)
                .maxPromptBytes(maxPromptSize.getBytes())
                .build();
    }
}
