package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.Checker;
import io.millrace.jobs.chaos.check.Committed;
import io.millrace.jobs.chaos.check.History;
import io.millrace.jobs.chaos.check.Planted;
import io.millrace.jobs.chaos.check.PromptSet;
import io.millrace.jobs.chaos.cluster.Cluster;
import io.millrace.jobs.chaos.cluster.ClusterJob;
import io.millrace.jobs.chaos.cluster.DeviceLog;
import io.millrace.jobs.chaos.cluster.Guard;
import io.millrace.jobs.chaos.cluster.Installation;
import io.millrace.jobs.chaos.cluster.Monitor;
import io.millrace.jobs.chaos.cluster.SavedTokens;
import io.millrace.jobs.chaos.fault.FaultKind;
import io.millrace.jobs.chaos.fault.FaultReport;
import io.millrace.jobs.chaos.fault.Faults;
import io.millrace.jobs.local.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * A cluster of real processes, with one undisturbed run and any number of disturbed ones. One
 * thread. After it is closed, or after the end of this JVM, no process and no file is left.
 */
public final class ChaosSuite implements AutoCloseable {
    /** Minimum prompts, for the planted faults of the checker. */
    public static final int LEAST_PROMPTS = Planted.LEAST;

    private static final int OUTPUT_PARTITIONS = 3;
    private static final Duration READ = Duration.ofSeconds(60);

    /** Maximum runs of a seed until one counts. */
    private static final int MOST_RUNS = 3;

    private final ChaosSettings settings;
    private final SavedTokens saved;
    private final Consumer<String> log;
    private final Path folder;
    private final PromptSet prompts;
    private final Guard guard;
    private final Cluster cluster;
    private final Monitor monitor;
    private final List<RunReport> reports = new ArrayList<>();
    private Checker checker;
    private List<Committed> undisturbedAnswers;
    private RunReport undisturbed;
    private int started;

    /**
     * Prepares a suite.
     *
     * @param saved reads a job's checkpoints, for the time of a fault
     * @param log receives progress lines
     */
    public ChaosSuite(ChaosSettings settings, SavedTokens saved, Consumer<String> log)
            throws IOException {
        this.settings = settings;
        this.saved = saved;
        this.log = log;
        this.prompts =
                new PromptSet(settings.prompts(), settings.completions(), settings.poisonPercent());
        Installation installation = Installation.in(settings.home());
        this.folder = Files.createDirectories(settings.folder()).toRealPath();
        this.guard = new Guard(folder);
        this.cluster = new Cluster(installation, folder, guard, settings.taskManagers());
        this.monitor = new Monitor(cluster.rest());
    }

    /** Starts the cluster, and executes the undisturbed run. */
    public void start() throws IOException, InterruptedException {
        try {
            startUndisturbed();
        } catch (IOException | RuntimeException e) {
            keepFolder();
            throw e;
        }
    }

    private void startUndisturbed() throws IOException, InterruptedException {
        cluster.startAll();
        cluster.awaitTaskManagers();
        log.accept(
                "%d prompts, %d of them poison, at first undisturbed"
                        .formatted(prompts.count(), prompts.failures().size()));
        String name = "undisturbed";
        try (History history = history(name)) {
            RunReport report = chaosRun(name, Faults.none(), 0, history).run(null, null);
            if (report.trouble() != null) {
                throw new IOException("The undisturbed run failed: " + report.trouble());
            }
            checker = new Checker(prompts, history.all());
            undisturbedAnswers = List.copyOf(history.all());
            undisturbed = report;
            log.accept(
                    "undisturbed: %d answers in %.0f s, hash %s"
                            .formatted(
                                    report.answered(), report.seconds(), report.answersSha256()));
        }
    }

    /** The report of the undisturbed run. */
    public RunReport undisturbed() {
        return undisturbed;
    }

    /**
     * Executes a run with the plan of a seed. A run that does not count, since its faults met too
     * few requests, is repeated a few times.
     */
    public RunReport run(Faults faults, long seed) throws IOException, InterruptedException {
        RunReport report = runOnce(faults, seed);
        for (int i = 1; i < MOST_RUNS && report.isRight() && !report.counts(); i++) {
            report = runOnce(faults, seed);
        }
        return report;
    }

    private RunReport runOnce(Faults faults, long seed) throws IOException, InterruptedException {
        String name = "run-" + ++started + "-seed-" + seed;
        Planted planted = proveChecker(name, seed);
        RunReport report;
        try (History history = history(name)) {
            report = chaosRun(name, faults, seed, history).run(checker, planted);
        }
        reports.add(report);
        log.accept(report.line());
        report.faults().forEach(fault -> log.accept("  " + fault.line()));
        if (!report.isRight()) {
            report.verdict().examples().forEach(log);
            keepFolder();
            // A fresh cluster, so that errors of this run do not affect the next.
            cluster.startAnew();
        }
        return report;
    }

    /**
     * Checks the undisturbed answers with planted faults, on topics of a broker like those of a
     * job, before the checker is used on a job.
     *
     * @throws IllegalStateException the checker does not find them
     */
    private Planted proveChecker(String name, long seed) throws InterruptedException {
        Planted planted = new Planted(undisturbedAnswers, seed);
        String output = ClusterJob.output(name + "-planted");
        String deadLetters = ClusterJob.deadLetters(name + "-planted");
        try (Topics topics = topics()) {
            topics.createIfAbsent(output, OUTPUT_PARTITIONS);
            topics.createIfAbsent(deadLetters, 1);
            planted.send(cluster.brokerDirect(), output, deadLetters);
            try (History history = new History(cluster.brokerDirect(), output, deadLetters)) {
                history.readToTheEnd(READ);
                planted.require(checker.check(history.all()));
            }
            topics.delete(output, deadLetters);
        }
        return planted;
    }

    /** GPUs on which the model has run so far; none for the CPU. */
    public List<String> gpus() throws IOException {
        return DeviceLog.gpus(folder);
    }

    /**
     * The report of all runs so far.
     *
     * @param command the command line
     * @param device machine and Java
     * @param commit commit of the sources
     */
    public ChaosReport report(String command, String device, String commit) throws IOException {
        return new ChaosReport(
                command,
                device,
                commit,
                prompts.count(),
                prompts.failures().size(),
                prompts.completions(),
                settings.checkpointInterval().toMillis(),
                undisturbed,
                List.copyOf(reports),
                notExercised());
    }

    /** Cases that no run of this suite has exercised. */
    private List<String> notExercised() throws IOException {
        List<String> all = new ArrayList<>();
        Set<FaultKind> met =
                reports.stream()
                        .flatMap(run -> run.faults().stream())
                        .map(FaultReport::kind)
                        .collect(Collectors.toSet());
        Arrays.stream(FaultKind.values())
                .filter(kind -> !met.contains(kind))
                .forEach(kind -> all.add("fault " + kind));
        prompts.absentPoison().forEach(kind -> all.add("poison " + kind));
        if (prompts.completions() == 1) {
            all.add("more than one completion of a request (--completions)");
        }
        if (gpus().isEmpty()) {
            all.add("a GPU (--job-option=--device=cuda)");
        }
        all.add("more than one broker, and processes on more than one machine");
        all.add("security, formats other than JSON, state on anything but a local disk");
        return all;
    }

    /** Keeps logs and data after {@link #close}, for inspection. */
    public void keepFolder() throws IOException {
        guard.keepFolder();
        log.accept("logs and data stay in " + folder);
    }

    private ChaosRun chaosRun(String name, Faults faults, long seed, History history)
            throws IOException {
        List<String> options = new ArrayList<>(settings.jobOptions());
        setUnlessGiven(options, "--device", "cpu");
        setUnlessGiven(options, "--threads", "1");
        setUnlessGiven(options, "--max-in-flight", "48");
        options.add("--checkpoint-interval=" + settings.checkpointInterval().toMillis() + "ms");
        if (faults.kinds().contains(FaultKind.OUTAGE)) {
            options.add("-Ktransaction.timeout.ms=" + ClusterJob.TRANSACTION_TIMEOUT_MS);
        }
        ClusterJob job = new ClusterJob(cluster, monitor, name, folder, options, saved);
        return new ChaosRun(settings, prompts, job, history, faults, seed);
    }

    private static void setUnlessGiven(List<String> options, String name, String value) {
        if (options.stream().noneMatch(each -> each.startsWith(name + "="))) {
            options.add(name + "=" + value);
        }
    }

    /** Recreates the topics of a run. */
    private History history(String name) {
        String output = ClusterJob.output(name);
        String deadLetters = ClusterJob.deadLetters(name);
        try (Topics topics = topics()) {
            if (topics.names().contains(PromptSet.TOPIC)) {
                topics.delete(PromptSet.TOPIC);
            }
            topics.createIfAbsent(PromptSet.TOPIC, PromptSet.PARTITIONS);
            topics.createIfAbsent(output, OUTPUT_PARTITIONS);
            topics.createIfAbsent(deadLetters, 1);
        }
        return new History(cluster.brokerDirect(), output, deadLetters);
    }

    private Topics topics() {
        return new Topics(cluster.brokerDirect(), Map.of());
    }

    @Override
    public void close() throws IOException, InterruptedException {
        try (guard;
                cluster;
                monitor) {
            log.accept("stopping");
        }
    }
}
