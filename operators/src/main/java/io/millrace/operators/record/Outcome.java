package io.millrace.operators.record;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceResult;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * What leaves the pipeline: one per record read. Results and failures share one stream so that one
 * sink writes them in one transaction.
 */
@TypeInfo(WireType.OutcomeFactory.class)
public sealed interface Outcome {

    /** Where the record came from. */
    Origin origin();

    /** An answer. */
    record Answered(Origin origin, InferenceResult result, RunFacts facts) implements Outcome {}

    /**
     * A record that could not be answered.
     *
     * @param id the request's id where one could be read, else null
     * @param encoded made ahead for the sink; null where the sink encodes it itself. Never leaves
     *     the task.
     */
    record Failed(
            Origin origin,
            String id,
            FailureCode code,
            String message,
            RunFacts facts,
            Encoded encoded)
            implements Outcome {

        public Failed(Origin origin, String id, FailureCode code, String message, RunFacts facts) {
            this(origin, id, code, message, facts, null);
        }

        /** The same, made ahead for the sink. */
        public Failed with(Encoded form) {
            return new Failed(origin, id, code, message, facts, form);
        }
    }

    /** A failure in the form of a sink, which alone knows it. */
    interface Encoded {}

    /**
     * Facts of the run that made an outcome; they travel in headers, never in key or value. Times
     * are milliseconds since 1970, 0 where it did not come so far.
     *
     * @param arrivedMs the operator took the record
     * @param admittedMs it was given to the engine (in this attempt)
     * @param firstTokenMs its first token was there (in this attempt)
     * @param finishedMs its last token was there, or it was known to have none
     * @param cachedTokens prompt tokens served from the prefix cache
     * @param attempts how often it was restored from state
     */
    record RunFacts(
            long arrivedMs,
            long admittedMs,
            long firstTokenMs,
            long finishedMs,
            int cachedTokens,
            int attempts) {

        /** Of an outcome that an older release saved without them. */
        static final RunFacts NONE = new RunFacts(0, 0, 0, 0, 0, 0);
    }
}
