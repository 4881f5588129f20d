package io.millrace.jobs.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.engine.Engine;
import io.millrace.jobs.chaos.check.AnswerHash;
import io.millrace.jobs.chaos.check.Committed;
import io.millrace.jobs.chaos.check.Deadline;
import io.millrace.jobs.chaos.check.History;
import io.millrace.jobs.chaos.check.PromptSet;
import io.millrace.jobs.chaos.cluster.ChildProcess;
import io.millrace.jobs.chaos.cluster.Cluster;
import io.millrace.jobs.chaos.cluster.ClusterJob;
import io.millrace.jobs.chaos.cluster.Guard;
import io.millrace.jobs.chaos.cluster.Installation;
import io.millrace.jobs.chaos.cluster.Monitor;
import io.millrace.jobs.chaos.cluster.RestoreLog;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.local.Topics;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kills the only TaskManager of a real cluster while it generates answers, shows the unfinished
 * answers of the checkpoint and how they continue, and then answers the same e-mails undisturbed.
 * One thread; all processes and files are removed at the end.
 */
final class KillDemo {
    private static final String NAME = "demo";
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final Duration LOOK = Duration.ofMillis(20);

    /** Maximum e-mails; more would only take longer. */
    private static final int MOST = 24;

    /** Minimum tokens of an answer in a checkpoint before the kill. */
    private static final int HALF_TOKENS = 4;

    private final Path home;
    private final Path folder;
    private final List<String> options;
    private final Progress progress;
    private final long start = System.nanoTime();

    /**
     * @param home the repository's root, built
     * @param folder for logs and data, empty; removed at the end
     * @param options of {@code run}
     */
    KillDemo(Path home, Path folder, List<String> options, Progress progress) {
        this.home = home;
        this.folder = folder;
        this.options = new ArrayList<>(options);
        // Small steps, so that an answer takes longer than a checkpoint interval.
        this.options.addAll(
                List.of(
                        "--checkpoint-interval=100ms",
                        "--max-batched-tokens=32",
                        "--max-sequences=" + MOST,
                        "--threads=1"));
        this.progress = progress;
    }

    /** Returns the exit code: 0 if both runs have the same answers. */
    int run(List<InferenceRequest> all) throws Exception {
        List<InferenceRequest> requests = all.subList(0, Math.min(MOST, all.size()));
        Path model = home.resolve("models").resolve("triage");
        try (Engine engine =
                        Engine.open(EngineOptions.of(model.toString()).withDevice(Device.CPU));
                Guard guard = new Guard(folder);
                Cluster cluster = new Cluster(Installation.in(home), folder, guard, 1);
                Monitor monitor = new Monitor(cluster.rest())) {
            cluster.startAll();
            cluster.awaitTaskManagers();
            line(
                    "Cluster",
                    "a broker, ZooKeeper, a JobManager and a TaskManager, a process each (%.1f s)",
                    (System.nanoTime() - start) / 1e9);
            try (History history = history(cluster)) {
                ClusterJob job =
                        new ClusterJob(
                                cluster,
                                monitor,
                                NAME,
                                folder,
                                options,
                                HalfAnswers::tokensInNewest);
                job.submit(1, null);
                Cluster.await("the job to run", () -> monitor.newest().running());
                return show(requests, job, history, engine.tokenizer());
            }
        }
    }

    private static History history(Cluster cluster) {
        String output = ClusterJob.output(NAME);
        String deadLetters = ClusterJob.deadLetters(NAME);
        try (Topics topics = new Topics(cluster.brokerDirect(), Map.of())) {
            topics.createIfAbsent(PromptSet.TOPIC, 1);
            topics.createIfAbsent(output, 1);
            topics.createIfAbsent(deadLetters, 1);
        }
        return new History(cluster.brokerDirect(), output, deadLetters);
    }

    private int show(
            List<InferenceRequest> requests, ClusterJob job, History history, Tokenizer tokenizer)
            throws Exception {
        Cluster cluster = job.cluster();
        RestoreLog log = new RestoreLog(folder);
        send(cluster, requests);
        line("Prompts", "%d e-mails are on the topic; a checkpoint every 100 ms", requests.size());
        awaitHalfAnswers(job.checkpoints(), history, requests.size());
        ChildProcess killed = cluster.taskManager(0);
        killed.kill();
        long killedAt = System.nanoTime();
        HalfAnswers half = saved(job.checkpoints());
        String shown = half.longest();
        String beginning = text(tokenizer, half.tokens().get(shown));
        line("Killed", "kill -9 of TaskManager %d, in the middle of its answers", killed.pid());
        showSaved(half, beginning);

        cluster.startTaskManager(0);
        // Answers that were only waiting for their commit come first, and show nothing.
        await(
                "answers after the restart",
                history,
                () -> history.all().stream().anyMatch(each -> each.attempts() > 0));
        cluster.takeLogs();
        RestoreLog.Tokens restored = log.read();
        line(
                "Restart",
                "TaskManager %d took over; %d saved tokens were kept, %d decoded again; the first half"
                        + " answer was whole %.1f s after the kill",
                cluster.taskManager(0).pid(),
                restored.kept(),
                restored.repeated(),
                (System.nanoTime() - killedAt) / 1e9);
        await("all answers", history, () -> history.answered() == requests.size());
        List<Committed> disturbed = List.copyOf(history.all());
        send(cluster, requests);
        int both = disturbed.size() + requests.size();
        await("the undisturbed answers", history, () -> history.all().size() >= both);
        job.cancel();
        history.readToTheEnd(PATIENCE);
        List<Committed> undisturbed =
                List.copyOf(history.all().subList(disturbed.size(), history.all().size()));
        line(
                "Again",
                "the same e-mails, and nobody disturbed it (%.1f s in all)",
                (System.nanoTime() - start) / 1e9);
        return compare(requests, shown, beginning, disturbed, undisturbed, restored);
    }

    /** The checkpoint that will be restored: no later one can complete after the kill. */
    private static HalfAnswers saved(Path checkpoints) throws IOException {
        HalfAnswers half = HalfAnswers.newest(checkpoints);
        if (half == null || half.tokens().isEmpty()) {
            throw new CommandFailedException(
                    "Nothing was half-written when the TaskManager was killed: try again.");
        }
        return half;
    }

    private void showSaved(HalfAnswers half, String beginning) {
        line(
                "Saved",
                "%s holds %d half answer%s, %d tokens; of %s:",
                half.checkpoint(),
                half.tokens().size(),
                half.tokens().size() == 1 ? "" : "s",
                half.total(),
                half.longest());
        progress.plain("            " + beginning);
    }

    private int compare(
            List<InferenceRequest> requests,
            String shown,
            String beginning,
            List<Committed> disturbed,
            List<Committed> undisturbed,
            RestoreLog.Tokens restored) {
        progress.plain("");
        progress.plain("in the checkpoint   " + beginning);
        progress.plain("after the restart   " + marked(text(disturbed, shown), beginning));
        progress.plain("undisturbed         " + marked(text(undisturbed, shown), beginning));
        progress.plain("");
        String left = AnswerHash.of(disturbed);
        String right = AnswerHash.of(undisturbed);
        boolean once = disturbed.size() == requests.size() && undisturbed.size() == requests.size();
        boolean same = left.equals(right);
        boolean whole = text(disturbed, shown).startsWith(beginning);
        line(
                same ? "Same" : "DIFFERS",
                "%d and %d answers to %d e-mails, sha256 %s and %s",
                disturbed.size(),
                undisturbed.size(),
                requests.size(),
                left.substring(0, 16),
                right.substring(0, 16));
        return once && same && whole && restored.kept() > 0 && restored.repeated() == 0 ? 0 : 1;
    }

    private void awaitHalfAnswers(Path checkpoints, History history, int count)
            throws IOException, InterruptedException {
        await(
                "a checkpoint with half answers",
                history,
                () -> {
                    if (history.answered() == count) {
                        throw new CommandFailedException(
                                "All answers were there before a checkpoint held a half one: this"
                                        + " device is too fast for the demo, take --device cpu.");
                    }
                    HalfAnswers half = HalfAnswers.newest(checkpoints);
                    return half != null
                            && !half.tokens().isEmpty()
                            && half.tokens().get(half.longest()).size() >= HALF_TOKENS;
                });
    }

    private static void await(String what, History history, Cluster.Condition condition)
            throws IOException, InterruptedException {
        Deadline deadline = Deadline.in(PATIENCE);
        while (!condition.holds()) {
            if (deadline.isOver()) {
                throw new CommandFailedException(
                        "Waited " + PATIENCE.toSeconds() + " s for " + what + ".");
            }
            history.poll(LOOK);
        }
    }

    private static void send(Cluster cluster, List<InferenceRequest> requests) throws Exception {
        RecordCodec<InferenceRequest> codec =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, PromptSet.TOPIC);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        Map.of("bootstrap.servers", cluster.brokerDirect()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            for (InferenceRequest request : requests) {
                producer.send(
                                new ProducerRecord<>(
                                        PromptSet.TOPIC,
                                        request.getId().getBytes(UTF_8),
                                        codec.encode(request)))
                        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            }
        }
    }

    private static String text(List<Committed> answers, String id) {
        return answers.stream()
                .filter(each -> each.name().equals(id) && each.result() != null)
                .findFirst()
                .map(each -> oneLine(each.result().getCompletions().get(0).getText()))
                .orElse("(no answer)");
    }

    private static String text(Tokenizer tokenizer, List<Integer> tokens) {
        String text = tokenizer.decode(tokens.stream().mapToInt(Integer::intValue).toArray());
        int end = text.length();
        // An incomplete character.
        while (end > 0 && text.charAt(end - 1) == '\uFFFD') {
            end--;
        }
        return oneLine(text.substring(0, end));
    }

    private static String oneLine(String text) {
        return text.replace("\n", "\\n");
    }

    /** Highlights the part from the checkpoint, on a terminal. */
    private static String marked(String text, String beginning) {
        return Progress.isTerminal() && text.startsWith(beginning)
                ? "\u001b[1m" + beginning + "\u001b[0m" + text.substring(beginning.length())
                : text;
    }

    private void line(String label, String format, Object... values) {
        progress.line(label, format, values);
    }
}
