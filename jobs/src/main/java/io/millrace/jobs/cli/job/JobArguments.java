package io.millrace.jobs.cli.job;

import io.millrace.gpu.api.constraint.ConstraintOption;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.Loaders;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.OutputPartition;
import io.millrace.operators.kafka.source.OnLostInput;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOption;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The options of the streaming job, the same in an embedded cluster and on a real one. */
public final class JobArguments {
    @Mixin public KafkaArguments kafka = new KafkaArguments();
    @Mixin public EngineArguments engine = new EngineArguments();
    @Mixin public FormatArguments format = new FormatArguments();

    @Mixin private EventArguments events = new EventArguments();

    @ArgGroup public Input input = new Input();

    /** The input topics: by name or by pattern. */
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
                    "Creates missing topics with the brokers' default settings and four partitions, or"
                            + " as many as the parallelism.")
    public boolean createTopics;

    @Option(
            names = "--application-id",
            paramLabel = "ID",
            defaultValue = "millrace",
            description =
                    "Name of this job's state and transactions. A later run with the same id resumes"
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
                    "Interval at which the job looks for new partitions, and for new topics of the"
                            + " pattern (default: 5min). 0s for never.")
    Duration partitionDiscovery;

    @Option(
            names = "--start",
            paramLabel = "WHERE",
            defaultValue = "earliest",
            converter = StartingPointConverter.class,
            description =
                    "Where a run without state starts in partitions without offsets of the group:"
                            + " earliest, latest, or timestamp:WHEN with milliseconds since 1970 or a"
                            + " time such as 2026-11-22T18:00:00Z.")
    public StartingPoint start;

    @Option(
            names = "--on-lost-input",
            paramLabel = "fail|skip",
            defaultValue = "fail",
            description =
                    "What to do if input records were deleted before they were read (by retention, by"
                            + " deletion, or with the whole topic): fail and name them, or skip them,"
                            + " with a warning and the metric lost_input_offsets.")
    OnLostInput onLostInput;

    @Option(
            names = "--accept-loss",
            description =
                    "Starts at the group's offsets although their state is lost: requests that were in"
                            + " flight are never answered.")
    public boolean acceptLoss;

    @Option(
            names = "--accept-lost-transactions",
            description =
                    "Continues without exactly-once answers that are lost because the job was down for"
                            + " longer than transaction.timeout.ms; otherwise the job fails.")
    boolean acceptLostTransactions;

    @Option(
            names = "--output-partition",
            paramLabel = "key|same",
            defaultValue = "key",
            description =
                    "Partition of an answer or dead letter: by its key, as Kafka's Java producer"
                            + " chooses it, or the same number as its request's.")
    OutputPartition outputPartition;

    @Option(
            names = "--drop-headers",
            paramLabel = "REGEX",
            description =
                    "Does not copy request headers whose whole name matches to answers and dead"
                            + " letters, in addition to those of docs/formats.md.")
    String dropHeaders;

    @Option(
            names = "--delivery",
            paramLabel = "exactly-once|at-least-once",
            defaultValue = "exactly-once",
            converter = Delivery.Converter.class,
            description =
                    "exactly-once: answers become visible at each checkpoint. at-least-once: they become"
                            + " visible at once, and after a failure some appear twice (byte-equal).")
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

    private final Map<PipelineOption, Object> pipeline = new EnumMap<>(PipelineOption.class);

    @Mixin
    private final CommandSpec pipelineTable =
            Arguments.table(List.of(PipelineOption.values()), PipelineOption::setting, pipeline);

    private final Map<ConstraintOption, Object> constraints = new EnumMap<>(ConstraintOption.class);

    @Mixin
    private final CommandSpec constraintTable =
            Arguments.table(
                    List.of(ConstraintOption.values()), ConstraintOption::setting, constraints);

    @Option(
            names = "--parallelism",
            paramLabel = "COUNT",
            description =
                    "Number of subtasks, at most that of input partitions. Those in one process share"
                            + " one engine. By default flink run -p, else parallelism.default of"
                            + " Flink's configuration (1).")
    Integer parallelism;

    /**
     * Subtasks of the job.
     *
     * @param flink Flink's configuration, with the options of its client
     */
    public int parallelism(Configuration flink) {
        return parallelism == null ? flink.get(CoreOptions.DEFAULT_PARALLELISM) : parallelism;
    }

    /** The wire format options, which tools share with the job. */
    public static final class FormatArguments {
        @Option(
                names = "--format",
                paramLabel = "json|avro|confluent",
                defaultValue = "json",
                description =
                        "Wire format of all topics: plain JSON, Avro single-object encoding, or"
                                + " Confluent's with a schema registry.")
        public WireFormat format;

        @Option(
                names = "--registry-url",
                paramLabel = "URL",
                description =
                        "Schema registry for --format confluent, user:password@ before the host"
                                + " where it asks for them.")
        public String registryUrl;

        @Option(
                names = "--registry-config",
                paramLabel = "FILE",
                description =
                        "Properties file with the registry's settings, named as Confluent's clients"
                                + " name them: basic.auth.user.info, bearer.auth.token,"
                                + " ssl.truststore.location, ssl.keystore.location and their"
                                + " passwords.")
        public Path registryConfig;

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

    /** The file for the schema of events with their answers; null for the default. */
    public Path outputSchema() {
        return events.outputSchema();
    }

    /** The Kafka settings, checked. */
    public KafkaSettings kafka() {
        FormatSettings formats = format.settings();
        EventForm form =
                events.form(Checks.constraint(constraints), formats.format(), applicationId);
        if (form != null && pipeline.get(PipelineOption.PARTITIONING) == Partitioning.PREFIX) {
            throw new CommandFailedException(
                    "--partitioning prefix does not go with events, since those of one key would be"
                            + " answered by several subtasks and pass their tombstone: use"
                            + " --partitioning none.");
        }
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
                        .format(formats)
                        .events(form)
                        .inputSchemas(events.inputSchemas())
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
        Arguments.check(pipeline, PipelineOption::setting);
        if (parallelism != null) {
            Checks.atLeast("--parallelism", parallelism, 1);
        }
        PipelineOptions.Builder builder =
                PipelineOptions.builder(engine.options(), Loaders.engine())
                        .journal(journal)
                        .constraint(Checks.constraint(constraints));
        pipeline.forEach((option, value) -> option.set(builder, value));
        try {
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(e.getMessage(), e);
        }
    }
}
