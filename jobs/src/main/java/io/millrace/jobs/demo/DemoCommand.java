package io.millrace.jobs.demo;

import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Signals;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.WeightsArgument;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.jobs.stream.EmbeddedJob;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs everything in one process: a broker, a cluster, and a model that triages real e-mails. */
@Command(
        name = "demo",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Starts a Kafka broker and a Flink cluster with its web UI in this process, puts real"
                    + " e-mails on a topic, and lets the model that ships with Millrace sort them.",
            "On a terminal, cluster and UI stay until Enter.",
            "With --kill, broker, JobManager and TaskManager are processes of their own; the"
                    + " TaskManager is killed in the middle of its answers, and what was committed is"
                    + " compared with a run that nobody disturbed."
        })
public final class DemoCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final Duration POLL = Duration.ofMillis(200);
    private static final String PARTITIONS = "4";

    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Another model than the one in models/triage.")
    private Path model;

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description = "Other prompts than the model's demo.jsonl; JSON lines.")
    private Path prompts;

    @Option(
            names = "--device",
            paramLabel = "cpu|cuda|auto",
            defaultValue = "auto",
            description =
                    "Device of the model; auto takes a GPU if there is one, otherwise the CPU.")
    private Device device;

    @Mixin private WeightsArgument format = new WeightsArgument();
    @Mixin private EngineArguments.BosArgument bos = new EngineArguments.BosArgument();

    @Option(
            names = "--answers",
            paramLabel = "FILE",
            description =
                    "Writes the answers to a file too, as they were committed, in the order of their"
                            + " ids: of two runs on one kind of device, the files are equal.")
    private Path answers;

    @Option(
            names = "--ui-port",
            paramLabel = "PORT",
            defaultValue = "0",
            description = "Port of Flink's web UI; 0 takes the first free one from 8081 on.")
    private int uiPort;

    @Option(
            names = "--kafka-port",
            paramLabel = "PORT",
            defaultValue = "0",
            description = "Port of the Kafka broker; 0 takes a free one.")
    private int kafkaPort;

    @Option(
            names = "--kill",
            description =
                    "Kills the TaskManager in mid-sentence, shows the half answer in the checkpoint,"
                            + " and the whole one beside that of an undisturbed run. Exits with 1 if"
                            + " a byte differs.")
    private boolean kill;

    private final Progress progress = new Progress(System.out);

    @Override
    public Integer call() throws Exception {
        Checks.range("--ui-port", uiPort, 0, 65535);
        Checks.range("--kafka-port", kafkaPort, 0, 65535);
        if (kill) {
            return kill();
        }
        Path home = home();
        Path folder = model == null ? home.resolve("models").resolve("triage") : model;
        List<InferenceRequest> requests =
                read(prompts == null ? folder.resolve("demo.jsonl") : prompts);
        AnswerFile file = answers == null ? null : new AnswerFile(answers);
        Path scratch = Files.createTempDirectory("millrace-demo-");
        Signals.onStop(() -> abandon(scratch));
        long start = System.nanoTime();
        try (EmbeddedKafka broker =
                EmbeddedKafka.start(scratch.resolve("kafka"), kafkaPort, Map.of())) {
            progress.line(
                    "Kafka",
                    "a broker runs at %s (%.1f s)",
                    broker.bootstrapServers(),
                    (System.nanoTime() - start) / 1e9);
            JobArguments arguments = arguments(folder, broker.bootstrapServers());
            createTopics(arguments);
            arguments.engine.checkFolder();
            return answer(arguments, scratch, requests, file);
        } finally {
            delete(scratch);
        }
    }

    private static Path home() {
        return Path.of(System.getProperty("millrace.home", "."));
    }

    /** Runs the kill demo in separate processes; on a GPU answers may be finished too soon. */
    private int kill() throws Exception {
        if (model != null || answers != null || uiPort != 0 || kafkaPort != 0) {
            throw new CommandFailedException(
                    "--kill runs the model that ships, in processes of its own: leave --model,"
                            + " --answers, --ui-port and --kafka-port out.");
        }
        Path home = home().toRealPath();
        Path file = home.resolve("models").resolve("triage").resolve("demo.jsonl");
        String where = device == Device.AUTO ? "cpu" : device.toString();
        Path scratch = Files.createTempDirectory("millrace-kill-").toRealPath();
        return new KillDemo(
                        home,
                        scratch,
                        List.of(
                                "--device=" + where,
                                "--weights=" + format.weights,
                                "--add-bos=" + bos.addBos),
                        progress)
                .run(read(prompts == null ? file : prompts));
    }

    private JobArguments arguments(Path folder, String servers) {
        return Arguments.parse(
                new JobArguments(),
                "--bootstrap-servers=" + servers,
                "--model=" + folder,
                "--device=" + device,
                "--weights=" + format.weights,
                "--add-bos=" + bos.addBos,
                "--application-id=demo",
                "--checkpoint-interval=500ms");
    }

    public static void createTopics(JobArguments arguments) {
        try (Topics topics = new Topics(arguments.kafka.bootstrapServers, Map.of())) {
            int partitions = Integer.parseInt(PARTITIONS);
            topics.createIfAbsent(arguments.input.topics.get(0), partitions);
            topics.createIfAbsent(arguments.outputTopic, partitions);
            topics.createIfAbsent(arguments.deadLetterTopic, 1);
        }
    }

    private int answer(
            JobArguments arguments, Path scratch, List<InferenceRequest> requests, AnswerFile file)
            throws Exception {
        try (EmbeddedJob job =
                        new EmbeddedJob(
                                arguments, scratch.resolve("state").toString(), uiPort, progress);
                AnswerReader reader =
                        new AnswerReader(
                                arguments.kafka,
                                FormatSettings.JSON,
                                arguments.outputTopic,
                                arguments.deadLetterTopic,
                                true)) {
            job.start();
            job.awaitRunning();
            DemoTable table = new DemoTable(requests);
            progress.plain("");
            progress.plain(DemoTable.header());
            long start = System.nanoTime();
            send(arguments, requests);
            int seen = 0;
            long lastRecord = start;
            while (!table.complete() && System.nanoTime() - lastRecord < PATIENCE.toNanos()) {
                reader.poll(
                        POLL,
                        item -> {
                            progress.plain(table.add(item));
                            if (file != null) {
                                file.add(item.record());
                            }
                        });
                job.reportFailures();
                if (table.seen() > seen) {
                    seen = table.seen();
                    lastRecord = System.nanoTime();
                }
            }
            progress.plain("");
            progress.plain(table.summary((System.nanoTime() - start) / 1e9));
            if (file != null) {
                file.write();
            }
            if (Progress.isTerminal()) {
                progress.plain("");
                progress.plain("The cluster is still up at " + job.webUi() + ": Enter ends it.");
                awaitEnter();
            }
            return table.allAnswered() ? 0 : 1;
        }
    }

    private static void send(JobArguments arguments, List<InferenceRequest> requests) {
        RecordCodec<InferenceRequest> codec =
                RecordCodec.open(
                        RecordType.REQUEST, FormatSettings.JSON, arguments.input.topics.get(0));
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        ClientProperties.producer(arguments.kafka.bootstrapServers, Map.of()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            for (InferenceRequest request : requests) {
                byte[] key = request.getId().getBytes(StandardCharsets.UTF_8);
                producer.send(
                        new ProducerRecord<>(
                                arguments.input.topics.get(0), key, codec.encode(request)));
            }
        }
    }

    private static void awaitEnter() throws IOException {
        int read;
        do {
            read = System.in.read();
        } while (read != '\n' && read != -1);
    }

    public static List<InferenceRequest> read(Path file) throws IOException {
        RecordCodec<InferenceRequest> codec =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
        List<InferenceRequest> requests = new ArrayList<>();
        int number = 0;
        try (Stream<String> lines = Files.lines(file)) {
            for (String line : (Iterable<String>) lines::iterator) {
                number++;
                if (!line.isBlank()) {
                    requests.add(codec.decode(line.getBytes(StandardCharsets.UTF_8)));
                }
            }
        } catch (NoSuchFileException e) {
            throw new CommandFailedException(
                    "There are no prompts "
                            + file
                            + ": give --model a folder with demo.jsonl, or --prompts a file.",
                    e);
        } catch (CodecException e) {
            throw new CommandFailedException(file + ", line " + number + ": " + e.getMessage(), e);
        }
        return requests;
    }

    /** On Ctrl-C, removes all files of the demo. */
    private static void abandon(Path scratch) {
        try {
            delete(scratch);
        } catch (IOException e) {
            // The broker still writes there; the system cleans its temporary folder.
            System.err.println("Left behind: " + scratch);
        }
        Runtime.getRuntime().halt(ExitCode.INTERRUPTED.code());
    }

    public static void delete(Path folder) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.deleteIfExists(path);
        }
    }
}
