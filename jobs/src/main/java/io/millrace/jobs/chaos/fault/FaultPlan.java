package io.millrace.jobs.chaos.fault;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** The faults of one run, in order. A seed always gives the same plan. */
public final class FaultPlan {
    private static final int HEARTBEATS_LOST_MS = 20_000;

    /**
     * Less than the checkpoint interval, so that requests of the last checkpoint are still in
     * flight.
     */
    private static final int MOST_DELAY_MS = 300;

    private final long seed;
    private final List<FaultKind> kinds;
    private final int taskManagers;
    private final int maxParallelism;
    private final Random random;
    private int parallelism;

    /**
     * @param kinds the kinds to draw from
     * @param taskManagers number of TaskManagers
     * @param parallelism parallelism at the start
     * @param maxParallelism maximum parallelism of a rescale
     */
    public FaultPlan(
            long seed,
            List<FaultKind> kinds,
            int taskManagers,
            int parallelism,
            int maxParallelism) {
        this.seed = seed;
        this.kinds = List.copyOf(kinds);
        this.taskManagers = taskManagers;
        this.parallelism = parallelism;
        this.maxParallelism = maxParallelism;
        this.random = new Random(seed);
    }

    public long seed() {
        return seed;
    }

    /**
     * Draws faults: each kind at least once if the count allows. Otherwise at least three in five
     * restore the job's state, if the kinds allow, since a run without restores shows nothing.
     */
    public List<Fault> draw(int count) {
        List<FaultKind> restoring = kinds.stream().filter(FaultKind::restores).toList();
        List<FaultKind> drawn = new ArrayList<>(count >= kinds.size() ? kinds : List.of());
        for (int i = drawn.size(); i < count; i++) {
            boolean must = 5 * i < 3 * count && !restoring.isEmpty();
            drawn.add(kind(must ? restoring : kinds));
        }
        Collections.shuffle(drawn, random);
        List<Fault> faults = new ArrayList<>();
        for (FaultKind kind : drawn) {
            faults.add(fault(kind, !faults.isEmpty()));
        }
        return faults;
    }

    /** Draws one more. */
    public Fault next() {
        return fault(kind(kinds), false);
    }

    private FaultKind kind(List<FaultKind> from) {
        int ticket = random.nextInt(from.stream().mapToInt(FaultKind::weight).sum());
        for (FaultKind kind : from) {
            ticket -= kind.weight();
            if (ticket < 0) {
                return kind;
            }
        }
        throw new AssertionError(ticket);
    }

    private Fault fault(FaultKind kind, boolean mayBeEarly) {
        int target = random.nextInt(taskManagers);
        int delay = random.nextInt(MOST_DELAY_MS);
        int lasts =
                switch (kind) {
                    case TASKMANAGER_STOP -> HEARTBEATS_LOST_MS;
                    case TASKMANAGER_PAUSE -> 1000 + random.nextInt(2000);
                    default -> 2000 + random.nextInt(4000);
                };
        int other = 1 + random.nextInt(maxParallelism);
        // A savepoint needs a running job.
        boolean early = mayBeEarly && random.nextInt(4) == 0;
        if (kind == FaultKind.RESCALE) {
            parallelism = other == parallelism ? 1 + other % maxParallelism : other;
        }
        boolean needsJob =
                kind == FaultKind.RESCALE
                        || kind == FaultKind.SAVEPOINT
                        || kind == FaultKind.OUTAGE;
        return new Fault(kind, target, delay, lasts, parallelism, early && !needsJob);
    }
}
