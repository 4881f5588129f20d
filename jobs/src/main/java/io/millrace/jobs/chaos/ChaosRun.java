package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.AnswerHash;
import io.millrace.jobs.chaos.check.Checker;
import io.millrace.jobs.chaos.check.Committed;
import io.millrace.jobs.chaos.check.Deadline;
import io.millrace.jobs.chaos.check.History;
import io.millrace.jobs.chaos.check.Planted;
import io.millrace.jobs.chaos.check.PromptSet;
import io.millrace.jobs.chaos.cluster.CheckpointLog;
import io.millrace.jobs.chaos.cluster.Cluster;
import io.millrace.jobs.chaos.cluster.ClusterJob;
import io.millrace.jobs.chaos.cluster.Monitor;
import io.millrace.jobs.chaos.cluster.RestoreLog;
import io.millrace.jobs.chaos.fault.Disturber;
import io.millrace.jobs.chaos.fault.Fault;
import io.millrace.jobs.chaos.fault.FaultKind;
import io.millrace.jobs.chaos.fault.FaultPlan;
import io.millrace.jobs.chaos.fault.FaultReport;
import io.millrace.jobs.chaos.fault.Faults;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;

/** One run of the job under a plan of faults, until each request has its answer. One thread. */
final class ChaosRun {
    /** Time without any answer after which the job is stuck. */
    private static final Duration STUCK = Duration.ofSeconds(150);

    /** Time after which a stopped process is detected, unless it was not needed. */
    private static final Duration NOTICED = Duration.ofSeconds(30);

    private static final Duration READ = Duration.ofSeconds(60);
    private static final Duration LOOK = Duration.ofMillis(100);

    /** Checkpoints after the last answer, with which duplicates would be committed. */
    private static final int CHECKPOINTS_AFTER = 2;

    private final ChaosSettings settings;
    private final PromptSet prompts;
    private final Cluster cluster;
    private final Monitor monitor;
    private final ClusterJob job;
    private final History history;
    private final RestoreLog restores;
    private final CheckpointLog checkpoints;
    private final Disturber disturber;
    private final Faults faults;
    private final FaultPlan plan;
    private final List<Injected> injected = new ArrayList<>();
    private final long startMs = System.currentTimeMillis();
    private int sent;
    private int seenAnswers;
    private Deadline stuck = Deadline.in(STUCK);

    /** A fault, its start, and the numbers of requests sent, answered and in flight before. */
    private record Injected(Fault fault, long fromMs, int sent, int answered, int inFlight) {}

    ChaosRun(
            ChaosSettings settings,
            PromptSet prompts,
            ClusterJob job,
            History history,
            Faults faults,
            long seed)
            throws IOException {
        this.settings = settings;
        this.prompts = prompts;
        this.cluster = job.cluster();
        this.monitor = job.monitor();
        this.job = job;
        this.history = history;
        this.restores = new RestoreLog(settings.folder());
        this.checkpoints = new CheckpointLog(settings.folder());
        this.disturber = new Disturber(cluster, job);
        this.faults = faults;
        this.plan =
                new FaultPlan(
                        seed,
                        faults.kinds(),
                        settings.taskManagers(),
                        parallelism(),
                        settings.maxParallelism());
    }

    /**
     * Executes the run.
     *
     * @param checker null for the undisturbed run
     * @param planted the planted faults that the checker has found before; null for none
     */
    RunReport run(Checker checker, Planted planted) throws IOException, InterruptedException {
        String trouble = null;
        Monitor.Sample start = monitor.newest();
        try (disturber) {
            job.submit(parallelism(), null);
            if (faults.every() != null) {
                disturbByTime();
            } else {
                disturbByProgress(plan.draw(faults.count()));
            }
            sendUpTo(prompts.count());
            awaitAnswers(prompts.count());
            awaitCheckpoints();
            job.cancel();
            history.readToTheEnd(READ);
        } catch (IOException | KafkaException | IllegalStateException e) {
            trouble = e.getMessage() == null ? e.toString() : e.getMessage();
            giveUp();
        }
        Checker.Verdict verdict =
                checker == null
                        ? new Checker.Verdict(0, 0, 0, 0, List.of())
                        : checker.check(history.all());
        return report(start, verdict, planted, trouble);
    }

    /**
     * Parallelism of the run: 1 with an outage, since some of several subtasks may have committed
     * when the commits of others are held back, and their answers would come twice from the
     * checkpoint before.
     */
    private int parallelism() {
        return faults.kinds().contains(FaultKind.OUTAGE) ? 1 : settings.parallelism();
    }

    /**
     * Prompts are sent in one portion per fault, and each fault is injected soon after a checkpoint
     * with unfinished answers, while most of its portion is unanswered, independent of the
     * machine's speed.
     */
    private void disturbByProgress(List<Fault> drawn) throws IOException, InterruptedException {
        for (int i = 0; i < drawn.size(); i++) {
            Fault fault = drawn.get(i);
            if (!fault.early()) {
                awaitRecovery();
            }
            sendUpTo(prompts.count() * (i + 1) / drawn.size());
            if (!fault.early()) {
                awaitHalfAnswers();
            }
            TimeUnit.MILLISECONDS.sleep(fault.delayMs());
            inject(fault);
        }
    }

    private void disturbByTime() throws IOException, InterruptedException {
        sendUpTo(prompts.count());
        awaitHalfAnswers();
        long next = System.nanoTime();
        while (history.answered() < prompts.count()) {
            if (System.nanoTime() - next >= 0) {
                next += faults.every().toNanos();
                inject(plan.next());
            }
            look();
        }
    }

    private void sendUpTo(int count) throws IOException, InterruptedException {
        prompts.send(cluster.brokerDirect(), sent, count);
        sent = count;
    }

    private void inject(Fault fault) throws IOException, InterruptedException {
        int inFlight = monitor.newest().inFlight();
        int answered = history.answered();
        long from = System.currentTimeMillis();
        injected.add(new Injected(fault, from, sent, answered, inFlight));
        disturb(fault);
        stuck = Deadline.in(STUCK);
    }

    /**
     * Injects a fault, and polls for answers in parallel: the time of the first is the cost of the
     * fault.
     */
    private void disturb(Fault fault) throws IOException, InterruptedException {
        FutureTask<Void> injection =
                new FutureTask<>(
                        () -> {
                            disturber.inject(fault);
                            return null;
                        });
        Thread thread = new Thread(injection, "chaos " + fault);
        thread.start();
        try {
            while (!injection.isDone()) {
                history.poll(LOOK);
            }
            injection.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw new IllegalStateException(
                    fault + " could not be injected: " + e.getCause(), e.getCause());
        } finally {
            thread.interrupt();
            thread.join();
        }
    }

    /** Waits until the fault was detected and the job runs. */
    private void awaitRecovery() throws IOException, InterruptedException {
        Deadline noticed = Deadline.in(NOTICED);
        while (!monitor.newest().running() || !(isRestored() || noticed.isOver())) {
            look();
        }
    }

    /** Whether the job has restored its state since the last fault that requires it. */
    private boolean isRestored() {
        for (int i = injected.size() - 1; i >= 0; i--) {
            Injected last = injected.get(i);
            if (last.fault().kind().restores()) {
                return monitor.newest().restored() > monitor.before(last.fromMs()).restored();
            }
        }
        return true;
    }

    /**
     * Waits until the newest checkpoint has unfinished answers, or none are left: then the machine
     * is too fast for this number of prompts, and the run does not count.
     */
    private void awaitHalfAnswers() throws IOException, InterruptedException {
        while (job.savedTokens() == 0 && history.answered() < sent) {
            look();
        }
    }

    private void awaitAnswers(int count) throws IOException, InterruptedException {
        while (history.answered() < count) {
            look();
        }
    }

    private void awaitCheckpoints() throws IOException, InterruptedException {
        int before = monitor.newest().completed();
        stuck = Deadline.in(STUCK);
        while (monitor.newest().completed() < before + CHECKPOINTS_AFTER) {
            look();
        }
    }

    private void look() throws IOException, InterruptedException {
        history.poll(LOOK);
        if (history.answered() > seenAnswers) {
            seenAnswers = history.answered();
            stuck = Deadline.in(STUCK);
        } else if (stuck.isOver()) {
            throw new IOException(
                    "Nothing new for %d s after %d of %d answers; the job says: %s"
                            .formatted(
                                    STUCK.toSeconds(),
                                    seenAnswers,
                                    prompts.count(),
                                    lastFailure()));
        }
    }

    private String lastFailure() throws InterruptedException {
        try {
            return cluster.rest().job(job.id()).state() + ", " + cluster.rest().failure(job.id());
        } catch (IOException e) {
            return e.toString();
        }
    }

    private void giveUp() throws InterruptedException {
        try {
            if (job.id() != null) {
                job.cancel();
            }
        } catch (IOException e) {
            // The run had failed before.
        }
    }

    private RunReport report(
            Monitor.Sample start, Checker.Verdict verdict, Planted planted, String trouble)
            throws IOException {
        cluster.takeLogs();
        Monitor.Sample end = monitor.newest();
        List<FaultReport> met = new ArrayList<>();
        for (int i = 0; i < injected.size(); i++) {
            met.add(report(injected.get(i), recovered(i, end)));
        }
        Map<String, Integer> failures = monitor.failures(job.ids(), checkpoints.read());
        Map<Long, Integer> restoredTimes = new TreeMap<>();
        history.all().stream()
                .filter(each -> each.result() != null)
                .forEach(each -> restoredTimes.merge(each.attempts(), 1, Integer::sum));
        return new RunReport(
                plan.seed(),
                faults.planned(),
                history.answered(),
                verdict,
                met,
                end.completed() - start.completed(),
                failures.values().stream().mapToInt(Integer::intValue).sum(),
                end.restored() - start.restored(),
                restoredTimes,
                Percentiles.of(monitor.durationsMs(startMs)),
                job.savepointsMs(),
                restores.read(),
                Downtime.ms(history.commits()),
                failures,
                AnswerHash.of(history.all()),
                deadLetters(history.all()),
                (System.currentTimeMillis() - startMs) / 1e3,
                planted == null ? null : planted.toString(),
                trouble);
    }

    private static Map<String, Integer> deadLetters(List<Committed> all) {
        Map<String, Integer> counts = new TreeMap<>();
        all.stream()
                .filter(each -> each.failure() != null)
                .forEach(each -> counts.merge(each.failure().getCode(), 1, Integer::sum));
        return counts;
    }

    /** The last sample of the recovery from a fault, and from later ones during it. */
    private Monitor.Sample recovered(int number, Monitor.Sample end) {
        return injected.stream()
                .skip(number + 1)
                .filter(each -> !each.fault().early())
                .findFirst()
                .map(next -> monitor.before(next.fromMs()))
                .orElse(end);
    }

    private FaultReport report(Injected each, Monitor.Sample next) {
        Monitor.Sample before = monitor.before(each.fromMs());
        int restores = next.restored() - before.restored();
        // The metric lags behind, and headers of answers only count requests that were not
        // restarted.
        long underWay =
                history.all().stream().filter(answer -> answer.underWay(each.fromMs())).count();
        long crossed =
                history.all().stream().filter(answer -> answer.crossed(each.fromMs())).count();
        return new FaultReport(
                each.fault().kind(),
                each.fault().toString(),
                each.fromMs() - startMs,
                each.answered(),
                (int) Math.max(each.inFlight(), underWay),
                // Without an own restore, that of another fault restored them.
                restores == 0 ? 0 : (int) crossed,
                restores,
                next.completed() - before.completed(),
                next.failed() - before.failed(),
                Downtime.toNextAnswerMs(history.commits(), each.fromMs()),
                Downtime.ms(history.commits(), each.fromMs(), next.timeMs(), each.sent()));
    }
}
