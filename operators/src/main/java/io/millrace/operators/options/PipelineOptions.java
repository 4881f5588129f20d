package io.millrace.operators.options;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.engine.EngineLoader;
import io.millrace.gpu.engine.OpenEngine;
import io.millrace.operators.record.FailureEncoder;
import java.io.Serializable;
import java.time.Duration;
import java.util.Objects;

/**
 * What a pipeline from records to outcomes is built with; checked when built. Defaults and ranges
 * are in {@link PipelineOption}; errors name options as {@link EngineOptions#names} says.
 *
 * @param engine the engine; equal options share one in each JVM
 * @param loader opens it
 * @param partitioning whether requests go to the engine that knows how they begin
 * @param batching static or dynamic
 * @param batchSize most requests in a static batch
 * @param batchTimeoutMs longest time that a request waits for its static batch to fill, ms
 * @param lingerMs longest time that dynamic batching holds requests so that equal prefixes meet,
 *     ms; 0 passes each on at once
 * @param ordered outcomes leave in the order in which records came, else as each is finished
 * @param resumePolicy what half-answered requests in restored state do
 * @param faults what happens when the engine itself fails
 * @param maxInFlightRequests requests in a subtask from which on its source pauses; 0 takes four
 *     for each sequence that the engine runs at once, so that there is a queue
 * @param maxInFlightTokens tokens (prompt and most new ones together) in a subtask from which on
 *     its source pauses
 * @param maxPromptBytes most bytes (UTF-8) of a prompt's text, or of a conversation's contents
 *     together; more is refused before it is tokenized
 * @param failures encodes the failures of long records where that delays nobody; null leaves it to
 *     the sink
 * @param name tells several pipelines of one job apart: the prefix of operator uids
 */
public record PipelineOptions(
        EngineOptions engine,
        EngineLoader loader,
        Partitioning partitioning,
        Batching batching,
        int batchSize,
        long batchTimeoutMs,
        long lingerMs,
        boolean ordered,
        ResumePolicy resumePolicy,
        FaultOptions faults,
        int maxInFlightRequests,
        long maxInFlightTokens,
        long maxPromptBytes,
        FailureEncoder failures,
        String name)
        implements Serializable {

    /** Running ones and a queue behind them. */
    private static final int IN_FLIGHT_PER_SEQUENCE = 4;

    public PipelineOptions {
        Objects.requireNonNull(engine, "engine");
        Objects.requireNonNull(loader, "loader");
        Objects.requireNonNull(resumePolicy, "resume policy");
        Objects.requireNonNull(faults, "faults");
        OptionNames names = engine.names();
        PipelineOption.PARTITIONING.check(partitioning, names);
        PipelineOption.BATCHING.check(batching, names);
        PipelineOption.BATCH_SIZE.check(batchSize, names);
        PipelineOption.BATCH_TIMEOUT.check(Duration.ofMillis(batchTimeoutMs), names);
        PipelineOption.LINGER.check(lingerMs, names);
        PipelineOption.MAX_IN_FLIGHT.check(maxInFlightRequests, names);
        PipelineOption.MAX_IN_FLIGHT_TOKENS.check(maxInFlightTokens, names);
        PipelineOption.MAX_PROMPT_BYTES.check(maxPromptBytes, names);
        if (name == null || name.isBlank()) {
            throw new IllegalArgumentException("The pipeline's name must not be empty.");
        }
        if (partitioning == Partitioning.PREFIX && batching == Batching.STATIC) {
            throw new IllegalArgumentException(
                    PipelineOption.say(
                            names,
                            "--partitioning prefix does not go with --batching static, since a"
                                    + " savepoint would wait for whole batches: use --batching"
                                    + " dynamic, or --partitioning none."));
        }
        if (partitioning == Partitioning.PREFIX && ordered) {
            throw new IllegalArgumentException(
                    PipelineOption.say(
                            names,
                            "--partitioning prefix does not go with --ordered, since requests of one"
                                    + " partition are answered by several subtasks: leave --ordered"
                                    + " away, or use --partitioning none."));
        }
    }

    /** The real engine, dynamic batching, unordered, defaults for the rest. */
    public static Builder builder(EngineOptions engine) {
        return new Builder(engine, new OpenEngine());
    }

    /** As {@link #builder(EngineOptions)}, with another engine. */
    public static Builder builder(EngineOptions engine, EngineLoader loader) {
        return new Builder(engine, loader);
    }

    /** The same with {@link #failures}. */
    public PipelineOptions withFailures(FailureEncoder encoder) {
        return new PipelineOptions(
                engine,
                loader,
                partitioning,
                batching,
                batchSize,
                batchTimeoutMs,
                lingerMs,
                ordered,
                resumePolicy,
                faults,
                maxInFlightRequests,
                maxInFlightTokens,
                maxPromptBytes,
                encoder,
                name);
    }

    /**
     * Requests in a subtask from which on its source pauses.
     *
     * @param maxSequences that the engine runs at once
     */
    public int maxInFlightRequests(int maxSequences) {
        return maxInFlightRequests > 0
                ? maxInFlightRequests
                : (int) Math.min((long) IN_FLIGHT_PER_SEQUENCE * maxSequences, Integer.MAX_VALUE);
    }

    /** Collects options; {@link #build} checks them. */
    public static final class Builder {
        private final EngineOptions engine;
        private final EngineLoader loader;
        private Partitioning partitioning;
        private Batching batching;
        private int batchSize;
        private long batchTimeoutMs;
        private long lingerMs;
        private boolean ordered;
        private ResumePolicy.Resume resume;
        private ResumePolicy.OnModelChange onModelChange;
        private Duration stepTimeout;
        private int maxAttempts;
        private String journal;
        private int maxInFlightRequests;
        private long maxInFlightTokens;
        private long maxPromptBytes;
        private FailureEncoder failures;
        private String name = "millrace";

        private Builder(EngineOptions engine, EngineLoader loader) {
            this.engine = engine;
            this.loader = loader;
            for (PipelineOption option : PipelineOption.values()) {
                option.set(this, option.setting().values().fallback());
            }
        }

        public Builder partitioning(Partitioning value) {
            partitioning = value;
            return this;
        }

        public Builder batching(Batching value) {
            batching = value;
            return this;
        }

        public Builder batchSize(int value) {
            batchSize = value;
            return this;
        }

        public Builder batchTimeoutMs(long value) {
            batchTimeoutMs = value;
            return this;
        }

        public Builder lingerMs(long value) {
            lingerMs = value;
            return this;
        }

        public Builder ordered(boolean value) {
            ordered = value;
            return this;
        }

        public Builder resumePolicy(ResumePolicy value) {
            return resume(value.resume()).onModelChange(value.onModelChange());
        }

        public Builder resume(ResumePolicy.Resume value) {
            resume = value;
            return this;
        }

        public Builder onModelChange(ResumePolicy.OnModelChange value) {
            onModelChange = value;
            return this;
        }

        public Builder faults(FaultOptions value) {
            return stepTimeout(value.stepTimeout())
                    .maxAttempts(value.maxAttempts())
                    .journal(value.journal());
        }

        public Builder stepTimeout(Duration value) {
            stepTimeout = value;
            return this;
        }

        public Builder maxAttempts(int value) {
            maxAttempts = value;
            return this;
        }

        public Builder journal(String value) {
            journal = value;
            return this;
        }

        public Builder maxInFlightRequests(int value) {
            maxInFlightRequests = value;
            return this;
        }

        public Builder maxInFlightTokens(long value) {
            maxInFlightTokens = value;
            return this;
        }

        public Builder maxPromptBytes(long value) {
            maxPromptBytes = value;
            return this;
        }

        public Builder failures(FailureEncoder value) {
            failures = value;
            return this;
        }

        public Builder name(String value) {
            name = value;
            return this;
        }

        public PipelineOptions build() {
            return new PipelineOptions(
                    engine,
                    loader,
                    partitioning,
                    batching,
                    batchSize,
                    batchTimeoutMs,
                    lingerMs,
                    ordered,
                    new ResumePolicy(resume, onModelChange),
                    new FaultOptions(stepTimeout, maxAttempts, journal),
                    maxInFlightRequests,
                    maxInFlightTokens,
                    maxPromptBytes,
                    failures,
                    name);
        }
    }
}
