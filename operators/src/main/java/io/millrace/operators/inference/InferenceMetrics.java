package io.millrace.operators.inference;

import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.session.EngineSession;
import io.millrace.operators.metric.PriorityClass;
import io.millrace.operators.metric.RecentHistogram;
import io.millrace.operators.metric.ShareGauge;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.valve.Valve;
import io.millrace.schemas.FailureCode;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MeterView;
import org.apache.flink.metrics.MetricGroup;

/**
 * The metrics of the inference operator. Times are in milliseconds, {@code time_per_output_token}
 * is in microseconds. Gauges of the engine are of the whole engine, so subtasks that share one
 * report the same value: use the maximum per JVM, not the sum. Updates allocate nothing.
 */
final class InferenceMetrics {
    private final Histogram timeToFirstToken;
    private final Histogram timePerOutputToken;
    private final Histogram endToEnd;
    private final Histogram queueTime;
    private final Counter generatedTokens;
    private final Counter promptTokens;
    private final Counter cachedPromptTokens;
    private final Counter answered;
    private final Counter restoredContinued;
    private final Counter restoredRestarted;
    private final Counter restoredMixed;
    private final Counter restoredTokensKept;
    private final Counter restoredTokensLost;
    private final Map<FailureCode, Counter> failures = new EnumMap<>(FailureCode.class);
    private final Map<PriorityClass, ByPriority> priorities = new EnumMap<>(PriorityClass.class);

    /** Metrics of the requests of one class of priorities. */
    private record ByPriority(Counter answered, Histogram queueTime, Histogram timeToFirstToken) {
        static ByPriority register(MetricGroup group) {
            return new ByPriority(
                    group.counter("answered"),
                    histogram(group, "queue_time"),
                    histogram(group, "time_to_first_token"));
        }
    }

    /**
     * @param maxSequences sequences that the engine runs at once
     * @param stepNanos nanoseconds for which steps of the engine have run in total
     * @param stateBytes bytes of the requests in flight in the last snapshot
     */
    InferenceMetrics(
            MetricGroup group,
            Supplier<EngineStats> stats,
            int maxSequences,
            LongSupplier stepNanos,
            Valve valve,
            LongSupplier stateBytes) {
        timeToFirstToken = histogram(group, "time_to_first_token");
        timePerOutputToken = histogram(group, "time_per_output_token");
        endToEnd = histogram(group, "end_to_end");
        queueTime = histogram(group, "queue_time");
        generatedTokens = group.counter("generated_tokens");
        promptTokens = group.counter("prompt_tokens");
        cachedPromptTokens = group.counter("cached_prompt_tokens");
        answered = group.counter("answered");
        group.meter("answered_per_second", new MeterView(answered));
        group.meter("generated_tokens_per_second", new MeterView(generatedTokens));
        restoredContinued = group.counter("restored_continued");
        restoredRestarted = group.counter("restored_restarted");
        restoredMixed = group.counter("restored_mixed");
        restoredTokensKept = group.counter("restored_tokens_kept");
        restoredTokensLost = group.counter("restored_tokens_lost");
        for (FailureCode code : FailureCode.values()) {
            failures.put(code, group.addGroup("code", code.wireName()).counter("failures"));
        }
        for (PriorityClass each : PriorityClass.values()) {
            priorities.put(
                    each, ByPriority.register(group.addGroup("priority", each.metricName())));
        }
        gauge(group, "running", () -> stats.get().running());
        gauge(group, "waiting", () -> stats.get().waiting());
        gauge(group, "step_tokens", () -> stats.get().stepTokens());
        gauge(group, "steps", () -> stats.get().steps());
        gauge(group, "occupancy", () -> (double) stats.get().running() / maxSequences);
        gauge(group, "preemptions", () -> stats.get().preemptions());
        gauge(group, "draft_tokens", () -> stats.get().draftTokens());
        gauge(group, "accepted_tokens", () -> stats.get().acceptedTokens());
        gauge(group, "kv_blocks_used", () -> stats.get().kvBlocksUsed());
        gauge(group, "kv_blocks_total", () -> stats.get().kvBlocksTotal());
        gauge(group, "gpu_memory_bytes", () -> stats.get().gpuMemoryBytes());
        gauge(group, "in_flight_requests", valve::requests);
        gauge(group, "in_flight_tokens", valve::tokens);
        gauge(group, "state_bytes", stateBytes::getAsLong);
        gauge(group, "valve_open", () -> valve.isOpen() ? 1 : 0);
        group.gauge("engine_busy", new ShareGauge(stepNanos));
        group.gauge("saturation", new ShareGauge(valve::closedNanos));
    }

    /** Registers the metrics of an operator that answers by {@code session}. */
    static InferenceMetrics register(
            MetricGroup group, EngineSession session, Valve valve, LongSupplier stateBytes) {
        return new InferenceMetrics(
                group,
                session::stats,
                session.maxSequences(),
                session::stepNanos,
                valve,
                stateBytes);
    }

    private static Histogram histogram(MetricGroup group, String name) {
        return group.histogram(name, new RecentHistogram(System::nanoTime));
    }

    private static void gauge(MetricGroup group, String name, Gauge<Number> gauge) {
        group.gauge(name, gauge);
    }

    void onRestored(Restoration.Counts counts) {
        restoredContinued.inc(counts.continued());
        restoredRestarted.inc(counts.restarted());
        restoredMixed.inc(counts.mixed());
        restoredTokensKept.inc(counts.keptTokens());
        restoredTokensLost.inc(counts.lostTokens());
    }

    void onToken() {
        generatedTokens.inc();
    }

    /**
     * @param priority of the request; null for none
     * @param prompt tokens of the prompt
     */
    void onAnswered(RunFacts facts, Integer priority, int prompt, int completionTokens) {
        answered.inc();
        promptTokens.inc(prompt);
        cachedPromptTokens.inc(facts.cachedTokens());
        long queued = facts.admittedMs() - facts.arrivedMs();
        long first = facts.firstTokenMs() - facts.arrivedMs();
        queueTime.update(queued);
        timeToFirstToken.update(first);
        ByPriority alike = priorities.get(PriorityClass.of(priority));
        alike.answered.inc();
        alike.queueTime.update(queued);
        alike.timeToFirstToken.update(first);
        endToEnd.update(facts.finishedMs() - facts.arrivedMs());
        if (completionTokens > 1) {
            timePerOutputToken.update(
                    1000 * (facts.finishedMs() - facts.firstTokenMs()) / (completionTokens - 1));
        }
    }

    void onFailed(FailureCode code) {
        failures.get(code).inc();
    }
}
