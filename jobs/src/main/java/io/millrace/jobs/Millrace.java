package io.millrace.jobs;

import io.millrace.jobs.bench.BenchCommand;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.jobs.cli.FlinkClient;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.Sentence;
import io.millrace.jobs.cli.Version;
import io.millrace.jobs.cli.config.ConfiguredArguments;
import io.millrace.jobs.corpus.CorpusCommand;
import io.millrace.jobs.demo.DemoCommand;
import io.millrace.jobs.init.InitCommand;
import io.millrace.jobs.stream.RedriveCommand;
import io.millrace.jobs.stream.ResultsCommand;
import io.millrace.jobs.stream.RunCommand;
import io.millrace.jobs.stream.SubmitCommand;
import io.millrace.jobs.top.TopCommand;
import io.millrace.jobs.verify.VerifyCommand;
import java.io.PrintWriter;
import java.util.List;
import org.apache.flink.client.program.ProgramParametrizationException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line. Exit codes are in {@link ExitCode}; a failure is one sentence on standard
 * error.
 */
@Command(
        name = "millrace",
        description = "LLM inference inside Apache Flink: prompts in Kafka, answers in Kafka.",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Version.class,
        usageHelpAutoWidth = true,
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        subcommands = {
            DemoCommand.class,
            RunCommand.class,
            SubmitCommand.class,
            ResultsCommand.class,
            TopCommand.class,
            RedriveCommand.class,
            BrokerCommand.class,
            CorpusCommand.class,
            InitCommand.class,
            GenerateCommand.class,
            VerifyCommand.class,
            BenchCommand.class,
            ChaosCommand.class
        })
public final class Millrace implements Runnable {
    @Spec private CommandSpec spec;

    /**
     * Runs a command. Under {@code flink run} it returns or throws; otherwise it ends the JVM with
     * the command's exit code.
     */
    public static void main(String[] arguments) {
        requireEngine();
        boolean cluster = FlinkClient.isCaller();
        StringBuilder sentence = new StringBuilder();
        int code = commandLine(cluster ? sentence : null).execute(arguments);
        if (!cluster) {
            System.out.flush();
            System.exit(code);
        }
        if (code != 0) {
            // Flink's client prints this one without a stack trace.
            throw new ProgramParametrizationException(sentence.toString());
        }
    }

    /** Checks for the engine before the commands' classes load, which need it. */
    private static void requireEngine() {
        try {
            Class.forName("io.millrace.gpu.engine.Engine", false, Millrace.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            if (FlinkClient.isCaller()) {
                throw new ProgramParametrizationException(Sentence.missingEngine());
            }
            System.err.println("millrace: " + Sentence.missingEngine());
            System.exit(ExitCode.FAILED.code());
        }
    }

    /**
     * The command line.
     *
     * @param sentence receives the sentence of an error; null for standard error
     */
    public static CommandLine commandLine(StringBuilder sentence) {
        CommandLine line = Arguments.withConverters(new CommandLine(new Millrace()));
        if (!Progress.isTerminal()) {
            // By default picocli checks for a console, which later JDKs always have.
            line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
        }
        line.setParameterExceptionHandler((e, args) -> usageError(e, sentence));
        line.setExecutionExceptionHandler(
                (e, command, parsed) -> {
                    boolean verbose =
                            parsed.matchedOptionValue("--verbose", false)
                                    || parsed.hasSubcommand()
                                            && parsed.subcommand()
                                                    .matchedOptionValue("--verbose", false);
                    return failure(e, command, verbose, sentence);
                });
        return line;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    private static int usageError(ParameterException e, StringBuilder sentence) {
        CommandLine line = e.getCommandLine();
        String message = e.getMessage();
        // A mistyped option is often the reason for a missing one: report the cause.
        List<String> unmatched = line.getUnmatchedArguments();
        if (!unmatched.isEmpty()
                && (e instanceof UnmatchedArgumentException
                        || e instanceof MissingParameterException)) {
            String unknown = unmatched.get(0);
            boolean option = unknown.startsWith("-");
            List<String> near = NearestName.of(unknown, names(line.getCommandSpec(), option));
            message =
                    (option ? "Unknown option " : "Unknown argument ")
                            + unknown
                            + (near.isEmpty() ? "." : ": did you mean " + near.get(0) + "?");
        }
        String help = line.getCommandSpec().qualifiedName();
        print(line, sentence, located(message, line) + "\nTry ./" + help + " --help.");
        return ExitCode.USAGE.code();
    }

    /** The message, with the lines of options from a configuration file. */
    private static String located(String message, CommandLine line) {
        return line.getCommandSpec().preprocessor() instanceof ConfiguredArguments arguments
                ? arguments.located(message)
                : message;
    }

    private static List<String> names(CommandSpec spec, boolean options) {
        if (!options) {
            return List.copyOf(spec.subcommands().keySet());
        }
        return spec.options().stream()
                .filter(option -> !option.hidden())
                .flatMap(option -> List.of(option.names()).stream())
                .toList();
    }

    private static int failure(
            Exception e, CommandLine line, boolean verbose, StringBuilder sentence) {
        print(line, sentence, located(Sentence.of(e), line));
        if (verbose) {
            PrintWriter err = line.getErr();
            e.printStackTrace(err);
            err.flush();
        }
        return ExitCode.FAILED.code();
    }

    private static void print(CommandLine line, StringBuilder sentence, String message) {
        if (sentence != null) {
            sentence.append(message);
            return;
        }
        PrintWriter err = line.getErr();
        err.println("millrace: " + message);
        err.flush();
    }
}
