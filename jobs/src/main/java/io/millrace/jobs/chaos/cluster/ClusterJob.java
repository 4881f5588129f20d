package io.millrace.jobs.chaos.cluster;

import io.millrace.jobs.chaos.check.PromptSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The streaming job on the cluster, across all its submissions. One thread. */
public final class ClusterJob {
    private static final Pattern JOB_ID = Pattern.compile("JobID ([0-9a-f]{32})");

    /** The broker's transaction timeout in runs with an outage. */
    public static final int TRANSACTION_TIMEOUT_MS = 10_000;

    private static final String REMEDY = "--accept-lost-transactions";
    private static final Duration SAVEPOINT = Duration.ofSeconds(60);

    private final Cluster cluster;
    private final Monitor monitor;
    private final List<String> options;
    private final String name;
    private final SavedTokens saved;
    private final Path checkpoints;
    private final Path savepoints;
    private final List<Long> savepointsMs = new ArrayList<>();
    private final List<String> ids = new ArrayList<>();
    private String id;
    private int parallelism;

    /**
     * @param name the application id, and the prefix of its topics
     * @param options further options of {@code run}
     * @param saved reads its checkpoints
     */
    public ClusterJob(
            Cluster cluster,
            Monitor monitor,
            String name,
            Path folder,
            List<String> options,
            SavedTokens saved) {
        this.cluster = cluster;
        this.monitor = monitor;
        this.name = name;
        this.saved = saved;
        this.checkpoints = folder.resolve("checkpoints");
        this.savepoints = folder.resolve("savepoints");
        this.options = new ArrayList<>(options);
        this.options.add("--application-id=" + name);
        this.options.add("--bootstrap-servers=" + cluster.brokerThroughLink());
        this.options.add("--input-topics=" + PromptSet.TOPIC);
        this.options.add("--output-topic=" + output(name));
        this.options.add("--dead-letter-topic=" + deadLetters(name));
        this.options.add("--checkpoint-dir=" + checkpoints);
    }

    /** Topic of the answers. */
    public static String output(String name) {
        return name + "-answers";
    }

    /** Topic of the failures. */
    public static String deadLetters(String name) {
        return name + "-dead-letters";
    }

    /** The cluster. */
    public Cluster cluster() {
        return cluster;
    }

    /** The monitor. */
    public Monitor monitor() {
        return monitor;
    }

    public String id() {
        return id;
    }

    /** Its job ids so far, one per submission. */
    public List<String> ids() {
        return ids;
    }

    /** Durations of the savepoints with which the job was stopped. */
    public List<Long> savepointsMs() {
        return savepointsMs;
    }

    /**
     * Submits the job.
     *
     * @param savepoint the savepoint that it resumes; null for none
     */
    public void submit(int parallelism, String savepoint) throws IOException, InterruptedException {
        this.parallelism = parallelism;
        List<String> command = new ArrayList<>(List.of("run", "-d"));
        if (savepoint != null) {
            command.addAll(List.of("-s", savepoint));
        }
        command.add(cluster.installation().jobJar().toString());
        command.add("run");
        command.addAll(options);
        command.add("--model=" + cluster.installation().model());
        command.add("--parallelism=" + parallelism);
        String said = cluster.client(command);
        Matcher found = JOB_ID.matcher(said);
        if (!found.find()) {
            throw new IOException("Flink's client names no job:\n" + said);
        }
        id = found.group(1);
        ids.add(id);
        monitor.follow(id);
    }

    /** Stops the job with a savepoint and submits it again. */
    public void stopAndResume(int parallelism) throws IOException, InterruptedException {
        long start = System.nanoTime();
        String savepoint = cluster.rest().stop(id, savepoints.toUri().toString(), SAVEPOINT);
        savepointsMs.add((System.nanoTime() - start) / 1_000_000);
        monitor.follow(null);
        awaitState("FINISHED");
        submit(parallelism, savepoint);
    }

    /** Waits until the job has failed for good and reported lost answers. */
    public void awaitLostTransactions() throws IOException, InterruptedException {
        awaitState("FAILED");
        String said = cluster.rest().failure(id);
        if (!said.contains(REMEDY)) {
            throw new IOException("The job failed, but not for its lost transactions: " + said);
        }
    }

    /** Submits the job with the checkpoint before its newest one. */
    public void resumeCheckpointBefore() throws IOException, InterruptedException {
        List<Path> complete;
        try (Stream<Path> all = Files.list(checkpoints())) {
            complete =
                    all.filter(each -> Files.exists(each.resolve("_metadata")))
                            .sorted(Comparator.comparingLong(ClusterJob::number))
                            .toList();
        }
        if (complete.size() < 2) {
            throw new IOException("There is no checkpoint before the newest one: " + complete);
        }
        submit(parallelism, complete.get(complete.size() - 2).toUri().toString());
    }

    private static long number(Path checkpoint) {
        return Long.parseLong(checkpoint.getFileName().toString().substring("chk-".length()));
    }

    /** Folder of the checkpoints of the newest submission; created with the first one. */
    public Path checkpoints() {
        return checkpoints.resolve(name).resolve(id);
    }

    /** Tokens of unfinished answers in its newest checkpoint. */
    public int savedTokens() throws IOException {
        return saved.inNewest(checkpoints());
    }

    /** Cancels the job. */
    public void cancel() throws IOException, InterruptedException {
        monitor.follow(null);
        cluster.rest().cancel(id);
        awaitState("CANCELED");
    }

    private void awaitState(String state) throws IOException, InterruptedException {
        Cluster.await("the job to be " + state, () -> isIn(state));
    }

    private boolean isIn(String state) throws InterruptedException {
        try {
            return cluster.rest().job(id).state().equals(state);
        } catch (IOException e) {
            // The JobManager is starting.
            return false;
        }
    }
}
