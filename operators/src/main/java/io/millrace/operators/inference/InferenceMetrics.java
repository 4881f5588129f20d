package io.millrace.operators.inference;

import io.millrace.gpu.api.EngineStats;
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
import org.apache.flink.metrics.MetricGroup;

/**
 * The metrics of the inference operator. Times are in milliseconds, {@code time_per_output_token}
 * is in microseconds. Gauges of the engine, and {@code preemptions}, are of the whole engine, so
 * subtasks that share one report the same value: use the maximum per JVM, not the sum.
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
    private final Counter preemptions;
    private final Counter restoredContinued;
    private final Counter restoredRestarted;
    private final Counter restoredMixed;
    private final Counter restoredTokensKept;
    private final Counter restoredTokensLost;
    private final Supplier<EngineStats> stats;
    private long preemptionsSeen;
    private final Map<FailureCode, Counter> failures = new EnumMap<>(FailureCode.class);

    /**
     * @param stepNanos nanoseconds for which steps of the engine have run in total
     */
    InferenceMetrics(
            MetricGroup group, Supplier<EngineStats> stats, LongSupplier stepNanos, Valve valve) {
        this.stats = stats;
        preemptions = group.counter("preemptions");
        preemptionsSeen = stats.get().preemptions();
        timeToFirstToken = histogram(group, "time_to_first_token");
        timePerOutputToken = histogram(group, "time_per_output_token");
        endToEnd = histogram(group, "end_to_end");
        queueTime = histogram(group, "queue_time");
        generatedTokens = group.counter("generated_tokens");
        promptTokens = group.counter("prompt_tokens");
        cachedPromptTokens = group.counter("cached_prompt_tokens");
        answered = group.counter("answered");
        restoredContinued = group.counter("restored_continued");
        restoredRestarted = group.counter("restored_restarted");
        restoredMixed = group.counter("restored_mixed");
        restoredTokensKept = group.counter("restored_tokens_kept");
        restoredTokensLost = group.counter("restored_tokens_lost");
        for (FailureCode code : FailureCode.values()) {
            failures.put(code, group.addGroup("code", code.wireName()).counter("failures"));
        }
        gauge(group, "running", () -> stats.get().running());
        gauge(group, "waiting", () -> stats.get().waiting());
        gauge(group, "step_tokens", () -> stats.get().stepTokens());
        gauge(group, "kv_blocks_used", () -> stats.get().kvBlocksUsed());
        gauge(group, "kv_blocks_total", () -> stats.get().kvBlocksTotal());
        gauge(group, "gpu_memory_bytes", () -> stats.get().gpuMemoryBytes());
        gauge(group, "in_flight_requests", valve::requests);
        gauge(group, "in_flight_tokens", valve::tokens);
        gauge(group, "valve_open", () -> valve.isOpen() ? 1 : 0);
        group.gauge("engine_busy", new ShareGauge(stepNanos));
        group.gauge("saturation", new ShareGauge(valve::closedNanos));
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

    void onEvents() {
        long now = stats.get().preemptions();
        preemptions.inc(now - preemptionsSeen);
        preemptionsSeen = now;
    }

    void onToken() {
        generatedTokens.inc();
    }

    void onAnswered(RunFacts facts, int prompt, int completionTokens) {
        answered.inc();
        promptTokens.inc(prompt);
        cachedPromptTokens.inc(facts.cachedTokens());
        queueTime.update(facts.admittedMs() - facts.arrivedMs());
        timeToFirstToken.update(facts.firstTokenMs() - facts.arrivedMs());
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
