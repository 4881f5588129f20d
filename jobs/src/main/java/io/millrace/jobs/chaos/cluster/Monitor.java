package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Polls a job several times per second, across restarts of its JobManager and across submissions.
 * Has its own thread; the methods are safe for any thread.
 */
public final class Monitor implements AutoCloseable {
    private static final long LOOK_MS = 200;
    private static final String NOT_RUNNING = "Not begun: not all tasks were running.";
    private static final String NOT_BEGUN = "Not begun; Flink keeps no reason.";

    /**
     * A sample; counts begin with the first submission.
     *
     * @param running whether all tasks run
     * @param inFlight requests in flight
     * @param completed completed checkpoints and savepoints
     * @param failed failed checkpoints
     * @param restored number of restores
     * @param durationMs duration of the newest checkpoint, if it is a new one; otherwise -1
     */
    public record Sample(
            long timeMs,
            boolean running,
            int inFlight,
            int completed,
            int failed,
            int restored,
            long durationMs) {
        static final Sample NONE = new Sample(0, false, 0, 0, 0, 0, -1);
    }

    private final FlinkRest rest;
    private final Thread thread = new Thread(this::look, "chaos monitor");
    private final List<Sample> samples = new ArrayList<>();

    private final Map<FailedCheckpoint, String> reasons = new HashMap<>();

    /** By job, causes of checkpoints that could not begin, which Flink only counts. */
    private final Map<String, Map<String, Integer>> unrecorded = new HashMap<>();

    private FlinkRest.Checkpoints last = FlinkRest.Checkpoints.none(-1);
    private String job;
    private long startMs = -1;
    private boolean closed;

    public Monitor(FlinkRest rest) {
        this.rest = rest;
        samples.add(Sample.NONE);
        thread.setDaemon(true);
        thread.start();
    }

    /** Sets the job to poll; null for none. */
    synchronized void follow(String job) {
        this.job = job;
        startMs = -1;
        Sample now = newest();
        samples.add(
                new Sample(
                        System.currentTimeMillis(),
                        false,
                        0,
                        now.completed(),
                        now.failed(),
                        now.restored(),
                        -1));
    }

    private void look() {
        while (true) {
            String followed;
            synchronized (this) {
                if (closed) {
                    return;
                }
                followed = job;
            }
            try {
                if (followed != null) {
                    look(followed);
                }
                TimeUnit.MILLISECONDS.sleep(LOOK_MS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void look(String followed) throws InterruptedException {
        try {
            FlinkRest.Job state = rest.job(followed);
            FlinkRest.Checkpoints counts = rest.checkpoints(followed);
            add(followed, state, counts, state.running() ? rest.inFlight(followed) : 0);
        } catch (IOException e) {
            // No JobManager answers: no change.
            add(followed, null, null, 0);
        }
    }

    private synchronized void add(
            String seen, FlinkRest.Job state, FlinkRest.Checkpoints counts, int inFlight) {
        if (!seen.equals(job)) {
            return;
        }
        Sample before = newest();
        if (state != null && state.startMs() != startMs) {
            startMs = state.startMs();
            last = FlinkRest.Checkpoints.none(last.newest());
        }
        FlinkRest.Checkpoints now = counts == null ? last : counts;
        boolean running = state != null && state.running();
        countFailures(seen, now, running && before.running());
        boolean seenBefore = now.newest() == last.newest();
        samples.add(
                new Sample(
                        System.currentTimeMillis(),
                        running,
                        inFlight,
                        before.completed() + grown(last.completed(), now.completed()),
                        before.failed() + grown(last.failed(), now.failed()),
                        before.restored() + grown(last.restored(), now.restored()),
                        seenBefore ? -1 : now.newestMs()));
        last = now;
    }

    private void countFailures(String seen, FlinkRest.Checkpoints now, boolean running) {
        int recorded = reasons.size();
        now.reasons()
                .forEach(
                        (number, reason) ->
                                reasons.put(new FailedCheckpoint(seen, number), reason));
        recorded = reasons.size() - recorded;
        int silent = grown(last.failed(), now.failed()) - recorded;
        if (silent > 0) {
            unrecorded
                    .computeIfAbsent(seen, job -> new TreeMap<>())
                    .merge(running ? NOT_BEGUN : NOT_RUNNING, silent, Integer::sum);
        }
    }

    private static int grown(int before, int now) {
        return Math.max(0, now - before);
    }

    public synchronized Sample newest() {
        return samples.get(samples.size() - 1);
    }

    /** The last sample before a time. */
    public synchronized Sample before(long timeMs) {
        Sample found = Sample.NONE;
        for (Sample sample : samples) {
            if (sample.timeMs() <= timeMs) {
                found = sample;
            }
        }
        return found;
    }

    /**
     * Causes of failed checkpoints of these jobs, with counts: from the logs, which have the root
     * cause, or from Flink if the logs have none.
     *
     * @param logged failures in the JobManagers' logs
     */
    public synchronized Map<String, Integer> failures(
            Collection<String> jobs, CheckpointLog.Failures logged) {
        Map<FailedCheckpoint, String> numbered = new HashMap<>(reasons);
        numbered.putAll(logged.numbered());
        Map<String, Integer> counts = new TreeMap<>();
        numbered.forEach(
                (failed, reason) -> {
                    if (jobs.contains(failed.job())) {
                        counts.merge(reason, 1, Integer::sum);
                    }
                });
        for (String each : jobs) {
            Map<String, Integer> others = logged.others().getOrDefault(each, Map.of());
            others.forEach((reason, count) -> counts.merge(reason, count, Integer::sum));
            int told = others.values().stream().mapToInt(Integer::intValue).sum();
            for (FailedCheckpoint failed : logged.numbered().keySet()) {
                told += failed.job().equals(each) && !reasons.containsKey(failed) ? 1 : 0;
            }
            for (Map.Entry<String, Integer> silent :
                    unrecorded.getOrDefault(each, Map.of()).entrySet()) {
                int left = Math.max(0, silent.getValue() - told);
                told = Math.max(0, told - silent.getValue());
                if (left > 0) {
                    counts.merge(silent.getKey(), left, Integer::sum);
                }
            }
        }
        return counts;
    }

    /** Durations of the checkpoints since a time. */
    public synchronized List<Long> durationsMs(long sinceMs) {
        return samples.stream()
                .filter(sample -> sample.timeMs() > sinceMs && sample.durationMs() >= 0)
                .map(Sample::durationMs)
                .toList();
    }

    @Override
    public void close() throws InterruptedException {
        synchronized (this) {
            closed = true;
        }
        thread.interrupt();
        thread.join();
    }
}
