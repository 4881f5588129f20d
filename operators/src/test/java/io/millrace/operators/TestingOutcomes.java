package io.millrace.operators;

import io.millrace.operators.record.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.functions.MapFunction;

/** Collects the outcomes of jobs in this JVM, by a name. Any thread. */
public final class TestingOutcomes {
    private static final Map<String, TestingOutcomes> BY_NAME = new ConcurrentHashMap<>();
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final List<Outcome> outcomes = new ArrayList<>();

    private TestingOutcomes() {}

    public static TestingOutcomes of(String name) {
        return BY_NAME.computeIfAbsent(name, n -> new TestingOutcomes());
    }

    /** Remembers what flows by. */
    public static MapFunction<Outcome, Outcome> collector(String name) {
        return outcome -> {
            of(name).add(outcome);
            return outcome;
        };
    }

    private synchronized void add(Outcome outcome) {
        outcomes.add(outcome);
        notifyAll();
    }

    public synchronized List<Outcome> all() {
        return List.copyOf(outcomes);
    }

    /** Waits until that many are there. */
    public synchronized List<Outcome> await(int count) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (outcomes.size() < count) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new AssertionError(
                        "Waited in vain for " + count + " outcomes; " + outcomes.size() + " came.");
            }
            wait(left);
        }
        return List.copyOf(outcomes);
    }
}
