package io.millrace.jobs.corpus;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.api.constraint.ConstraintOption;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.EngineArguments;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.cli.FlinkClient;
import io.millrace.jobs.cli.Loaders;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Signals;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.config.ConfigArgument;
import io.millrace.jobs.cli.config.ConfiguredArguments;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.options.FaultOptions;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.MemorySize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Answers all rows of files, once, into files of the same form. */
@Command(
        name = "corpus",
        preprocessor = ConfiguredArguments.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Answers the rows of JSONL, CSV and Parquet files, and of OpenAI's batches, into files of"
                    + " the same names.",
            "The same command goes on where it was stopped or killed, to the token; once all is done"
                    + " it does nothing. The exit code is 1 if rows or files are without an answer."
        })
public final class CorpusCommand implements Callable<Integer> {
    private static final String PIPELINE = "corpus";
    private static final String RESULT_FIELD = "answer";

    /** As the default of {@code run}. */
    private static final int MAX_ATTEMPTS = 3;

    @Parameters(
            index = "0",
            paramLabel = "IN",
            description = "A file, a folder with all below it, or a glob such as 'mails/**.jsonl'.")
    private String in;

    @Parameters(
            index = "1",
            paramLabel = "OUT",
            description = "Folder for the outputs, new or empty, or one to go on in.")
    private String out;

    @Mixin private EngineArguments engine = new EngineArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();
    @Mixin private ConfigArgument config = new ConfigArgument();

    @Option(
            names = "--prompt-field",
            paramLabel = "FIELD",
            description =
                    "Field of a row that is the prompt: a column, or a path such as mail.body. Without"
                            + " it each row of JSONL is a request as topics have it (docs/formats.md),"
                            + " whose id may be left out.")
    private String promptField;

    @Option(
            names = "--chat",
            description =
                    "Takes the prompt as a user's message, in the model's chat template; with"
                            + " --prompt-field.")
    private boolean chat;

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "System message before the user's, with --chat.")
    private String system;

    @Option(
            names = "--id-field",
            paramLabel = "FIELD",
            description =
                    "Field of a row that is its request's id, from which the seed is made if there is"
                            + " none; by default a hash of file, row and request. With --prompt-field.")
    private String idField;

    @Option(
            names = "--result-field",
            paramLabel = "FIELD",
            defaultValue = RESULT_FIELD,
            description = "Field or column that takes the answer.")
    private String resultField;

    @Option(
            names = "--overwrite",
            description = "Lets the answer take the place of what --result-field has already.")
    private boolean overwrite;

    @Option(
            names = "--rows",
            paramLabel = "jsonl|csv|parquet|openai-batch",
            description =
                    "What rows are, whatever the files' names say. Lines of OpenAI's batches"
                            + " (docs/openai-batch.md) are told by this option alone.")
    private FileFormat.Rows rows;

    @Option(
            names = "--delimiter",
            paramLabel = "CHAR",
            description =
                    "Between the cells of CSV, one ASCII character (default: a comma, in .tsv a tab).")
    private Character delimiter;

    @Mixin private SamplingArguments sampling = new SamplingArguments();

    @Option(
            names = "--now",
            paramLabel = "WHEN",
            description =
                    "The clock of chat templates, such as 2026-11-22T18:00:00Z (default: when the"
                            + " corpus was begun).")
    private String now;

    @Option(
            names = "--checkpoint-interval",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "Time between checkpoints: a kill costs no more than what came since.")
    private Duration checkpointInterval;

    @Option(
            names = "--parallelism",
            paramLabel = "COUNT",
            defaultValue = "1",
            description = "Files that are read at a time, by subtasks that share one engine.")
    private int parallelism;

    @Option(
            names = "--max-in-flight",
            paramLabel = "COUNT",
            description =
                    "Rows in flight in a subtask from which on it reads no more (default: four times"
                            + " --max-sequences, so that there is a queue).")
    private Integer maxInFlight;

    @Option(
            names = "--dedupe",
            description =
                    "Computes equal requests (prompt, parameters, constraint) once, where temperature is"
                            + " 0 or a seed is given; outputs have the same bytes without it.")
    private boolean dedupe;

    @Option(
            names = "--dedupe-memory",
            paramLabel = "SIZE",
            defaultValue = "256m",
            description =
                    "Most memory in a subtask for answers that equal rows are to have; once it is full,"
                            + " further rows are computed.")
    private MemorySize dedupeMemory;

    @Option(
            names = "--max-prompt-size",
            paramLabel = "SIZE",
            defaultValue = "1m",
            description = "Most bytes of a prompt's text; more is a failure of the row.")
    private MemorySize maxPromptSize;

    @Option(
            names = "--step-timeout",
            paramLabel = "TIME",
            defaultValue = "5min",
            description = "Most time for one step of the engine, as of `run`; 0s for any time.")
    private Duration stepTimeout;

    @Option(
            names = "--ui-port",
            paramLabel = "PORT",
            defaultValue = "0",
            description = "Port of Flink's web UI; 0 takes the first free one from 8081 on.")
    private int uiPort;

    @Option(
            names = "--dry-run",
            description =
                    "Answers nothing and writes nothing: counts rows and tokens, and predicts the time"
                            + " with --output-speed.")
    private boolean dryRun;

    @Option(
            names = "--output-speed",
            paramLabel = "TOKENS",
            description =
                    "Tokens of answers a second, as a corpus of such rows showed them; with --dry-run.")
    private Double outputSpeed;

    @Override
    public Integer call() throws Exception {
        check();
        Path root = InputFiles.local("OUT", out);
        List<InputFile> files = new InputFiles(rows, delimiter, root).find(in);
        OutputFolder folder = new OutputFolder(root.toString());
        Progress progress = new Progress(System.out);
        if (dryRun) {
            new DryRun(
                            template(clock(Instant.now())),
                            engine.options(),
                            maxPromptSize.getBytes(),
                            progress)
                    .run(files, outputSpeed);
            return ExitCode.DONE.code();
        }
        try (CorpusRun run = new CorpusRun(folder, out, files, progress)) {
            Manifest manifest = run.open((path, begun) -> manifest(path, begun, files));
            if (manifest.summary() == null) {
                Signals.onStop(run::requestStop);
                return run.answer(
                        manifest,
                        template(manifest.now()),
                        this::pipeline,
                        new CorpusRun.Settings(checkpointInterval, parallelism, uiPort),
                        engine);
            }
            return CorpusEnd.tell("Nothing is to be done", manifest.summary(), out, progress);
        }
    }

    private boolean isBatch() {
        return rows == FileFormat.Rows.OPENAI_BATCH;
    }

    /** A line of a batch says itself what it asks and where its answer belongs. */
    private void checkBatch() {
        String option =
                promptField != null
                        ? "--prompt-field"
                        : overwrite
                                ? "--overwrite"
                                : !resultField.equals(RESULT_FIELD) ? "--result-field" : null;
        if (option != null) {
            throw new CommandFailedException(
                    option
                            + " has no place in --rows openai-batch, whose lines and outputs have"
                            + " their own fields: leave it out.");
        }
    }

    private void check() {
        if (FlinkClient.isCaller()) {
            throw new CommandFailedException(
                    "corpus runs in a cluster of its own so far: start it with ./millrace corpus.");
        }
        engine.checkFolder();
        sampling.check();
        Checks.range("--ui-port", uiPort, 0, 65535);
        Checks.atLeast("--parallelism", parallelism, 1);
        Checks.atLeast("--checkpoint-interval (in ms)", checkpointInterval.toMillis(), 10);
        Checks.atLeast("--dedupe-memory (in bytes)", dedupeMemory.getBytes(), 1);
        Checks.atLeast("--max-prompt-size (in bytes)", maxPromptSize.getBytes(), 1);
        Checks.atLeast("--step-timeout (in ms)", stepTimeout.toMillis(), 0);
        if (maxInFlight != null) {
            Checks.atLeast("--max-in-flight", maxInFlight, 1);
        }
        if (promptField == null && (chat || idField != null)) {
            throw new CommandFailedException(
                    (chat ? "--chat" : "--id-field")
                            + " needs --prompt-field: without it a row is a request, which says so"
                            + " itself.");
        }
        if (system != null && !chat) {
            throw new CommandFailedException(
                    "--system is part of a conversation: give --chat with it.");
        }
        if (isBatch()) {
            checkBatch();
        }
        if (outputSpeed != null && (!dryRun || !(outputSpeed > 0))) {
            throw new CommandFailedException(
                    dryRun
                            ? "--output-speed is " + outputSpeed + ": give a number above 0."
                            : "--output-speed is for --dry-run, which predicts the time.");
        }
        if (resultField.isEmpty()) {
            throw new CommandFailedException("--result-field is empty: give a name.");
        }
        if (delimiter != null
                && (delimiter > '~'
                        || delimiter == '"'
                        || delimiter < '\t'
                        || delimiter == '\n'
                        || delimiter == '\r')) {
            throw new CommandFailedException(
                    "--delimiter is '"
                            + delimiter
                            + "': give one ASCII character that is no quote and ends no line.");
        }
    }

    /** The clock of chat templates: that of {@code --now} if it is given. */
    private Instant clock(Instant fallback) {
        if (now == null) {
            return fallback;
        }
        try {
            return Instant.parse(now);
        } catch (DateTimeParseException e) {
            throw new CommandFailedException(
                    "--now is '" + now + "': give a time such as 2026-11-22T18:00:00Z.", e);
        }
    }

    private Manifest manifest(Path path, Manifest begun, List<InputFile> files) throws IOException {
        Instant clock =
                clock(begun == null ? Instant.now().truncatedTo(ChronoUnit.MILLIS) : begun.now());
        Map<String, String> options = new LinkedHashMap<>();
        options.put("--prompt-field", promptField);
        options.put("--chat", String.valueOf(chat));
        options.put("--system", system);
        options.put("--id-field", idField);
        options.put("--result-field", resultField);
        options.put("--overwrite", String.valueOf(overwrite));
        // Of other sizes, the engine refuses other rows.
        EngineOptions sizes = engine.options();
        options.put("--max-model-len", String.valueOf(sizes.maxModelLen()));
        options.put("--kv-cache-memory", String.valueOf(sizes.kvCacheBytes()));
        options.put("--max-prompt-size", maxPromptSize.getBytes() + " bytes");
        options.put("sampling", new String(sampling(), StandardCharsets.UTF_8));
        for (ConstraintOption option : ConstraintOption.values()) {
            Constraint constraint = sampling.constraint();
            options.put(
                    option.setting().names().flag(),
                    constraint == null ? null : option.text(constraint));
        }
        // Behind the constraint itself, which is what a user has changed.
        if (sampling.constraint() != null || promptField == null) {
            options.put("the version of constraints", String.valueOf(Constraint.VERSION));
        }
        return Manifest.of(path, clock, options, files);
    }

    private byte[] sampling() {
        return RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null)
                .encode(sampling.request("row"));
    }

    private RequestTemplate template(Instant clock) {
        return new RequestTemplate(
                new Columns(promptField, idField, resultField, overwrite, clock.getEpochSecond()),
                chat,
                system,
                sampling(),
                clock.toEpochMilli());
    }

    /**
     * @param suspects folder of the journal of suspects
     */
    private PipelineOptions pipeline(String suspects) {
        return PipelineOptions.builder(engine.options(), Loaders.engine())
                .faults(new FaultOptions(stepTimeout, MAX_ATTEMPTS, suspects))
                .maxInFlightRequests(maxInFlight == null ? 0 : maxInFlight)
                .maxPromptBytes(maxPromptSize.getBytes())
                .dedupeBytes(dedupe ? dedupeMemory.getBytes() : 0)
                .longestFirst(true)
                .constraint(sampling.constraint())
                .name(PIPELINE)
                .build();
    }
}
