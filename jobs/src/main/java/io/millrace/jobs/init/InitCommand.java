package io.millrace.jobs.init;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.job.JobArguments.FormatArguments;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a configuration file for the records of a file or topic. */
@Command(
        name = "init",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description =
                "Looks at ten records of a file or topic, and writes a commented configuration file"
                        + " for `corpus --config` or `run --config` (docs/config.md).")
public final class InitCommand implements Callable<Integer> {
    private static final String STANDARD_OUTPUT = "-";

    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "FILE",
            description = "A file of rows: JSONL, CSV or Parquet. Or give --topic.")
    private Path file;

    @Mixin private KafkaArguments kafka = new KafkaArguments();
    @Mixin private FormatArguments format = new FormatArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--topic",
            paramLabel = "TOPIC",
            description = "Topic whose oldest records are looked at, without a consumer group.")
    private String topic;

    @Option(
            names = "--input-schema",
            paramLabel = "FILE,...",
            split = ",",
            hideParamSyntax = true,
            description =
                    "Avro schemas that the topic's records may have been written by, the newest last;"
                            + " with --format avro.")
    private List<Path> inputSchema = List.of();

    @Option(
            names = "--command",
            paramLabel = "corpus|run",
            description =
                    "Command that the file is for: corpus for a file, run for a topic or a file of its"
                            + " records in JSONL.")
    private Target command;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Model folder to put into the file; without it the line is a comment.")
    private Path model;

    @Option(
            names = "--rows",
            paramLabel = "jsonl|csv|parquet|openai-batch",
            description = "What the file's rows are, whatever its name says.")
    private FileFormat.Rows rows;

    @Option(
            names = "--delimiter",
            paramLabel = "CHAR",
            description =
                    "Between the cells of CSV; by default the one that the header has most often.")
    private Character delimiter;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            defaultValue = "millrace.yaml",
            description = "The configuration file; - for standard output.")
    private String output;

    @Option(names = "--force", description = "Writes over an --output that is there.")
    private boolean force;

    /** Commands that take the file. */
    enum Target {
        CORPUS,
        RUN
    }

    @Override
    public Integer call() throws IOException {
        if ((file == null) == (topic == null)) {
            throw new CommandFailedException(
                    file == null
                            ? "Give a FILE to look at, or --topic."
                            : "Give one of FILE and --topic: both are there.");
        }
        if (command == Target.CORPUS && topic != null) {
            throw new CommandFailedException(
                    "--command corpus reads files: leave it out for --topic " + topic + ".");
        }
        if (topic == null && (!inputSchema.isEmpty() || format.format != WireFormat.JSON)) {
            throw new CommandFailedException(
                    "%s is of --topic: leave it out for a file."
                            .formatted(inputSchema.isEmpty() ? "--format" : "--input-schema"));
        }
        Path path = output.equals(STANDARD_OUTPUT) ? null : Path.of(output);
        if (path != null && !force && Files.exists(path)) {
            throw exists(path, null);
        }
        Target target = command != null ? command : topic == null ? Target.CORPUS : Target.RUN;
        Sample sample = sample();
        if (target == Target.RUN
                && file != null
                && sample.format().rows() != FileFormat.Rows.JSONL) {
            throw new CommandFailedException(
                    "--command run is for a sample in JSONL, and the rows of %s are %s."
                            .formatted(
                                    file,
                                    sample.format().rows().toString().toLowerCase(Locale.ROOT)));
        }
        Guess guess = Guess.of(sample, target == Target.CORPUS);
        ConfigWriter writer = new ConfigWriter(spec.parent(), sample, guess, model);
        String text =
                target == Target.CORPUS
                        ? writer.corpus()
                        : writer.run(new ConfigWriter.Topic(kafka, format, inputSchema));
        if (path == null) {
            System.out.print(text);
            System.out.flush();
            return 0;
        }
        write(path, text);
        System.out.printf(
                "Wrote %s after %s. Look it through, then: ./millrace %s --config %s%s%n",
                path,
                sample.described(),
                target.name().toLowerCase(Locale.ROOT),
                path,
                model == null ? " --model DIR" : "");
        return 0;
    }

    private Sample sample() throws IOException {
        if (file != null) {
            return FileSample.read(file, rows, delimiter);
        }
        if (format.format == WireFormat.AVRO && inputSchema.isEmpty()) {
            throw new CommandFailedException(
                    "--format avro needs --input-schema FILE,..., the schemas that the records were"
                            + " written by, the newest last.");
        }
        List<String> schemas = new ArrayList<>();
        for (Path each : inputSchema) {
            schemas.add(schema(each));
        }
        try {
            return new TopicSample(topic, format.settings(), schemas).read(kafka);
        } catch (KafkaSetupException e) {
            throw new CommandFailedException(kafka.pasteable(e.getMessage()), e);
        }
    }

    private static String schema(Path file) throws IOException {
        try {
            return new Schema.Parser().parse(Files.readString(file)).toString();
        } catch (NoSuchFileException e) {
            throw new CommandFailedException("--input-schema: there is no file " + file + ".", e);
        } catch (AvroRuntimeException e) {
            throw new CommandFailedException(
                    "--input-schema: %s is no Avro schema: %s".formatted(file, e.getMessage()), e);
        }
    }

    private void write(Path path, String text) throws IOException {
        OpenOption[] options =
                force
                        ? new OpenOption[] {
                            StandardOpenOption.CREATE,
                            StandardOpenOption.TRUNCATE_EXISTING,
                            StandardOpenOption.WRITE
                        }
                        : new OpenOption[] {
                            StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE
                        };
        if (path.getParent() != null) {
            Files.createDirectories(path.getParent());
        }
        try {
            Files.writeString(path, text, StandardCharsets.UTF_8, options);
        } catch (FileAlreadyExistsException e) {
            throw exists(path, e);
        }
    }

    private static CommandFailedException exists(Path path, Throwable cause) {
        return new CommandFailedException(
                path + " is there already: give --output another name, or --force.", cause);
    }
}
