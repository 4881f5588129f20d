package io.millrace.operators.options;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.engine.EngineLoader;
import io.millrace.gpu.engine.OpenEngine;
import io.millrace.operators.record.FailureEncoder;
import java.io.Serializable;
import java.util.Objects;

/**
 * What a pipeline from records to outcomes is built with; checked when built.
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
        Objects.requireNonNull(partitioning, "partitioning");
        Objects.requireNonNull(batching, "batching");
        Objects.requireNonNull(resumePolicy, "resume policy");
        Objects.requireNonNull(faults, "faults");
        atLeast("batch size", batchSize, 1);
        atLeast("batch timeout", batchTimeoutMs, 1);
        atLeast("linger", lingerMs, 0);
        atLeast("most requests in flight", maxInFlightRequests, 0);
        atLeast("most tokens in flight", maxInFlightTokens, 1);
        atLeast("most bytes of a prompt", maxPromptBytes, 1);
        if (name == null || name.isBlank()) {
            throw new IllegalArgumentException("The pipeline's name must not be empty.");
        }
        if (partitioning == Partitioning.PREFIX && batching == Batching.STATIC) {
            throw new IllegalArgumentException(
                    "The partitioning is PREFIX and the batching STATIC, but a savepoint would wait"
                            + " for whole batches: make the batching DYNAMIC or the partitioning NONE.");
        }
        if (partitioning == Partitioning.PREFIX && ordered) {
            throw new IllegalArgumentException(
                    "The partitioning is PREFIX and outcomes shall be ordered, but requests of one"
                            + " partition are answered by several subtasks: leave ordered out or make"
                            + " the partitioning NONE.");
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

    private static void atLeast(String what, long value, long least) {
        if (value < least) {
            throw new IllegalArgumentException(
                    "The " + what + " is " + value + "; it must be at least " + least + ".");
        }
    }

    /** Collects options; {@link #build} checks them. */
    public static final class Builder {
        private final EngineOptions engine;
        private final EngineLoader loader;
        private Partitioning partitioning = Partitioning.NONE;
        private Batching batching = Batching.DYNAMIC;
        private int batchSize = 32;
        private long batchTimeoutMs = 100;
        private long lingerMs;
        private boolean ordered;
        private ResumePolicy resumePolicy = ResumePolicy.DEFAULT;
        private FaultOptions faults = FaultOptions.DEFAULT;
        private int maxInFlightRequests;
        private long maxInFlightTokens = 1 << 20;
        private long maxPromptBytes = 1 << 20;
        private FailureEncoder failures;
        private String name = "millrace";

        private Builder(EngineOptions engine, EngineLoader loader) {
            this.engine = engine;
            this.loader = loader;
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
            resumePolicy = value;
            return this;
        }

        public Builder faults(FaultOptions value) {
            faults = value;
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
                    resumePolicy,
                    faults,
                    maxInFlightRequests,
                    maxInFlightTokens,
                    maxPromptBytes,
                    failures,
                    name);
        }
    }
}
