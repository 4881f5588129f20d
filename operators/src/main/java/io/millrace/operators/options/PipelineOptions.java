package io.millrace.operators.options;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.engine.EngineLoader;
import io.millrace.gpu.engine.OpenEngine;
import io.millrace.operators.record.FailureEncoder;
import java.io.Serializable;
import java.time.Duration;
import java.util.Objects;

/**
 * The options of a pipeline from records to outcomes; checked when built. Defaults and ranges are
 * in {@link PipelineOption}; {@link EngineOptions#names} is the naming in errors.
 *
 * @param engine the engine; equal options share one in each JVM
 * @param loader opens the engine
 * @param partitioning whether requests go to the engine with their prefix
 * @param batching static or dynamic
 * @param batchSize maximum requests of a static batch
 * @param batchTimeoutMs maximum time that a request waits for its static batch to fill, ms
 * @param lingerMs maximum time that dynamic batching holds requests so that equal prefixes meet,
 *     ms; 0 forwards each at once
 * @param ordered whether outcomes are emitted in the order of their records, not as each is
 *     finished
 * @param resumePolicy treatment of half-answered requests in restored state
 * @param faults options for failures of the engine
 * @param maxInFlightRequests requests in a subtask at which its source pauses; 0: four per sequence
 *     that the engine runs at once, so that there is a queue
 * @param maxInFlightTokens tokens (prompts and maximum new tokens) in a subtask at which its source
 *     pauses
 * @param maxPromptBytes maximum bytes (UTF-8) of a prompt's text, or of a conversation's contents
 *     together, checked before it is tokenized
 * @param dedupeBytes memory in a subtask for the answers to requests that equal ones are to have; 0
 *     has every request computed
 * @param longestFirst whether requests of one priority that may have longer answers are scheduled
 *     first
 * @param constraint the constraint of requests without one of their own; null for none
 * @param tools tools of conversations without any of their own, as a request has them; null for
 *     none
 * @param failures encodes the failures of long records on another thread; null leaves it to the
 *     sink
 * @param name prefix of operator uids, which tells several pipelines of one job apart
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
        long dedupeBytes,
        boolean longestFirst,
        Constraint constraint,
        String tools,
        FailureEncoder failures,
        String name)
        implements Serializable {

    /** The running one, and a queue. */
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
        PipelineOption.DEDUPE.check(dedupeBytes, names);
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
        if (dedupeBytes > 0 && batching == Batching.STATIC) {
            throw new IllegalArgumentException(
                    "Equal requests are computed once with dynamic batching only: a static batch"
                            + " waits for all of its own.");
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

    /** The default engine, dynamic batching, unordered, other options by default. */
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
                dedupeBytes,
                longestFirst,
                constraint,
                tools,
                encoder,
                name);
    }

    /**
     * Requests in a subtask at which its source pauses.
     *
     * @param maxSequences sequences that the engine runs at once
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
        private long dedupeBytes;
        private boolean longestFirst;
        private Constraint constraint;
        private String tools;
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

        public Builder dedupeBytes(long value) {
            dedupeBytes = value;
            return this;
        }

        public Builder longestFirst(boolean value) {
            longestFirst = value;
            return this;
        }

        public Builder constraint(Constraint value) {
            constraint = value;
            return this;
        }

        public Builder tools(String value) {
            tools = value;
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
                    dedupeBytes,
                    longestFirst,
                    constraint,
                    tools,
                    failures,
                    name);
        }
    }
}
