package io.millrace.jobs;

import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.chaos.ChaosReport;
import io.millrace.jobs.chaos.ChaosSettings;
import io.millrace.jobs.chaos.ChaosSuite;
import io.millrace.jobs.chaos.RunReport;
import io.millrace.jobs.chaos.fault.FaultKind;
import io.millrace.jobs.chaos.fault.Faults;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.demo.HalfAnswers;
import io.millrace.jobs.stream.FlinkSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Repeatedly kills parts of a cluster while it answers, and checks the committed answers. */
@Command(
        name = "chaos",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Starts a Kafka broker, ZooKeeper, a Flink JobManager and TaskManagers as processes of"
                    + " their own, has prompts answered once undisturbed and then under random faults,"
                    + " and compares the committed records byte by byte.",
            "The exit code is the verdict: 0 if nothing was lost, twice or different in any run, and"
                    + " each run has restored requests in at least half of its faults, and tokens of"
                    + " half-written answers."
        })
final class ChaosCommand implements Callable<Integer> {
    /**
     * Reruns of a failing plan, to count how often it fails: the seed does not determine the timing
     * of threads.
     */
    private static final int RERUNS = 10;

    @Spec private CommandSpec spec;
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--minutes",
            paramLabel = "COUNT",
            defaultValue = "0",
            description =
                    "Starts a run with the next seed until so many minutes are over; 0 goes by"
                            + " --runs alone.")
    private int minutes;

    @Option(
            names = "--runs",
            paramLabel = "COUNT",
            description = "Most runs (default: 1, or with --minutes as many as there is time for).")
    private Integer runs;

    @Option(
            names = "--seed",
            paramLabel = "NUMBER",
            defaultValue = "1",
            description = "Seed of the first run's plan; each further run has the next one.")
    private long seed;

    @Option(
            names = "--prompts",
            paramLabel = "COUNT",
            defaultValue = "1000",
            description =
                    "Records that each run answers; among them poison, and one in a hundred with a"
                            + " prompt of some 30000 characters.")
    private int prompts;

    @Option(
            names = "--completions",
            paramLabel = "COUNT",
            defaultValue = "1",
            description = "Completions that each request asks for.")
    private int completions;

    @Option(
            names = "--poison",
            paramLabel = "PERCENT",
            defaultValue = "1",
            description = "How many of a hundred records cannot be answered; 21 kinds in turn.")
    private int poison;

    @Option(
            names = "--fault",
            paramLabel = "KIND,...",
            split = ",",
            hideParamSyntax = true,
            description = "What may happen: ${COMPLETION-CANDIDATES} (default: all but outage).",
            completionCandidates = Kinds.class)
    private List<String> kinds;

    @Option(
            names = "--faults",
            paramLabel = "COUNT",
            defaultValue = "6",
            description = "Faults of a run, spread over its answers; 0 for none.")
    private int faults;

    @Option(
            names = "--every",
            paramLabel = "TIME",
            description =
                    "Time from one fault to the next, such as 10s, until all is answered; instead"
                            + " of --faults.")
    private Duration every;

    @Option(
            names = "--task-managers",
            paramLabel = "COUNT",
            defaultValue = "2",
            description = "TaskManagers, of two slots each.")
    private int taskManagers;

    @Option(
            names = "--checkpoint-interval",
            paramLabel = "TIME",
            defaultValue = "500ms",
            description = "Time between checkpoints.")
    private Duration checkpointInterval;

    @Option(
            names = "--job-option",
            paramLabel = "OPTION=VALUE",
            description =
                    "An option of run for the job under test, such as --job-option=--resume=restart;"
                            + " may be repeated.")
    private List<String> jobOptions = List.of();

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Writes FILE.json and FILE.md, such as docs/reports/mixed-faults.")
    private Path report;

    private final Progress progress = new Progress(System.out);
    private final long start = System.nanoTime();

    @Override
    public Integer call() throws IOException, InterruptedException {
        Checks.atLeast("--minutes", minutes, 0);
        Checks.atLeast("--prompts", prompts, ChaosSuite.LEAST_PROMPTS);
        String fault = Field.N.fault("--completions", completions, Integer.MAX_VALUE);
        if (fault != null) {
            throw new CommandFailedException(fault);
        }
        Checks.range("--poison", poison, 0, 100);
        Checks.atLeast("--faults", faults, 0);
        Checks.atLeast("--task-managers", taskManagers, 1);
        for (String option : jobOptions) {
            if (!option.matches("-.+=.*")) {
                throw new CommandFailedException(
                        "--job-option "
                                + option
                                + " is none: write it as --job-option=--name=value.");
            }
        }
        if (runs != null) {
            Checks.atLeast("--runs", runs, 1);
        }
        Faults drawn = new Faults(kinds(), faults, every);
        Path home = Path.of(System.getProperty("millrace.home", "."));
        Path folder = FlinkSettings.dataFolder().resolve("chaos-" + ProcessHandle.current().pid());
        ChaosSettings settings =
                new ChaosSettings(
                        home,
                        folder,
                        prompts,
                        completions,
                        poison,
                        taskManagers,
                        checkpointInterval,
                        jobOptions);
        try (ChaosSuite suite = new ChaosSuite(settings, HalfAnswers::tokensInNewest, this::tell)) {
            suite.start();
            int most = runs != null ? runs : minutes > 0 ? Integer.MAX_VALUE : 1;
            for (int i = 0;
                    i < most && (i == 0 || minutes == 0 || minutesPassed() < minutes);
                    i++) {
                RunReport run = suite.run(drawn, seed + i);
                if (!run.isRight() && minutes > 0) {
                    rate(suite, drawn, seed + i);
                }
            }
            return verdict(home, suite);
        }
    }

    private void rate(ChaosSuite suite, Faults drawn, long failing)
            throws IOException, InterruptedException {
        int wrong = 0;
        for (int i = 0; i < RERUNS; i++) {
            if (!suite.run(drawn, failing).isRight()) {
                wrong++;
            }
        }
        tell("seed %d again: wrong in %d of %d runs".formatted(failing, wrong, RERUNS));
    }

    private int verdict(Path home, ChaosSuite suite) throws IOException, InterruptedException {
        BenchOrigin origin = BenchOrigin.of(home);
        List<String> gpus = suite.gpus();
        if (!gpus.isEmpty()) {
            origin = origin.on(String.join(" and ", gpus));
        }
        String command =
                "./millrace "
                        + String.join(
                                " ",
                                spec.commandLine().getParent().getParseResult().originalArgs());
        ChaosReport all = suite.report(command, origin.machine(), origin.commit());
        if (report != null) {
            Path file = report.toAbsolutePath();
            all.write(file.getParent(), file.getFileName().toString());
            tell("report in " + file + ".md");
        }
        tell("not exercised: " + String.join("; ", all.notExercised()));
        tell(all.verdict());
        return all.isRight() ? 0 : 1;
    }

    private double minutesPassed() {
        return (System.nanoTime() - start) / 60e9;
    }

    private void tell(String line) {
        progress.plain(
                String.format(Locale.ROOT, "%7.1f s  %s", (System.nanoTime() - start) / 1e9, line));
    }

    private List<FaultKind> kinds() {
        if (kinds == null) {
            return FaultKind.usual();
        }
        return kinds.stream().map(ChaosCommand::kind).toList();
    }

    private static FaultKind kind(String name) {
        return Arrays.stream(FaultKind.values())
                .filter(kind -> kind.toString().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new CommandFailedException(
                                        "--fault "
                                                + name
                                                + " is unknown: use one of "
                                                + String.join(", ", new Kinds())
                                                + "."));
    }

    /** The names of all kinds, for the help. */
    private static final class Kinds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(FaultKind.values()).map(FaultKind::toString).iterator();
        }
    }
}
