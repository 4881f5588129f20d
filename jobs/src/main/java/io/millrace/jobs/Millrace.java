package io.millrace.jobs;

import io.millrace.schemas.codec.WireFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;
import org.apache.flink.client.program.ProgramParametrizationException;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.streaming.api.environment.LocalStreamEnvironment;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.TimeUtils;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line. Exit codes: 0 done, 1 failed (one sentence on standard error), 2 usage error.
 */
@Command(
        name = "millrace",
        description = "LLM inference inside Apache Flink: prompts in Kafka, answers in Kafka.",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Millrace.Version.class,
        usageHelpAutoWidth = true,
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        subcommands = {
            DemoCommand.class,
            RunCommand.class,
            SubmitCommand.class,
            ResultsCommand.class,
            GenerateCommand.class,
            BenchCommand.class,
            ChaosCommand.class
        })
public final class Millrace implements Runnable {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    @Spec private CommandSpec spec;

    /**
     * Runs a command. Under {@code flink run} it returns or throws; else it ends the JVM with the
     * command's exit code.
     */
    public static void main(String[] arguments) {
        requireEngine();
        boolean cluster = insideFlinkClient();
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

    /** Before the commands' classes load: without the engine they cannot. */
    private static void requireEngine() {
        try {
            Class.forName("io.millrace.gpu.Engine", false, Millrace.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            if (insideFlinkClient()) {
                throw new ProgramParametrizationException(Sentence.missingEngine());
            }
            System.err.println("millrace: " + Sentence.missingEngine());
            System.exit(FAILED);
        }
    }

    /** Whether Flink's client called {@link #main}: the environment is then a cluster's. */
    static boolean insideFlinkClient() {
        // The launcher names its folder; asking Flink takes half a second.
        return System.getProperty("millrace.home") == null
                && !(StreamExecutionEnvironment.getExecutionEnvironment()
                        instanceof LocalStreamEnvironment);
    }

    /**
     * The command line.
     *
     * @param sentence takes an error's sentence instead of standard error; null for standard error
     */
    static CommandLine commandLine(StringBuilder sentence) {
        CommandLine line = withConverters(new CommandLine(new Millrace()));
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

    /** Fills an argument group from code, defaults included. */
    static <T> T parse(T group, String... arguments) {
        withConverters(new CommandLine(group)).parseArgs(arguments);
        return group;
    }

    private static CommandLine withConverters(CommandLine line) {
        line.registerConverter(
                Duration.class, checked(TimeUtils::parseDuration, "a time such as 500ms or 10s"));
        line.registerConverter(
                MemorySize.class, checked(MemorySize::parse, "a size such as 512m or 20g"));
        line.registerConverter(
                WireFormat.class, checked(WireFormat::parse, "json, avro or confluent"));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        return line;
    }

    private static <T> ITypeConverter<T> checked(Function<String, T> parse, String wanted) {
        return text -> {
            try {
                return parse.apply(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException("'" + text + "' is not " + wanted);
            }
        };
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    private static int usageError(ParameterException e, StringBuilder sentence) {
        CommandLine line = e.getCommandLine();
        String message = e.getMessage();
        // A mistyped option is often why a required one is missing: tell the cause.
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
        print(line, sentence, message + "\nTry ./" + help + " --help.");
        return USAGE;
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
        print(line, sentence, Sentence.of(e));
        if (verbose) {
            PrintWriter err = line.getErr();
            e.printStackTrace(err);
            err.flush();
        }
        return FAILED;
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

    /** Tells the version that the build wrote. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            Properties properties = new Properties();
            try (InputStream in = Millrace.class.getResourceAsStream("version.properties")) {
                properties.load(in);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return new String[] {"millrace " + properties.getProperty("version")};
        }
    }
}
