package io.millrace.operators.record;

import io.millrace.operators.event.EventAnswer;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceResult;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * The result or failure of a record, one per record. Both share one stream so that one sink writes
 * them in one transaction.
 */
@TypeInfo(WireType.OutcomeFactory.class)
public sealed interface Outcome {

    /** Source and position of the record. */
    Origin origin();

    /**
     * An answer.
     *
     * @param event how it is put into its record; null unless that is an event
     * @param computation whether it was computed for this record
     */
    record Answered(
            Origin origin,
            InferenceResult result,
            RunFacts facts,
            EventAnswer event,
            Computation computation)
            implements Outcome {

        public Answered(Origin origin, InferenceResult result, RunFacts facts, EventAnswer event) {
            this(origin, result, facts, event, Computation.OWN);
        }

        /** The answer of a record that is no event. */
        public Answered(Origin origin, InferenceResult result, RunFacts facts) {
            this(origin, result, facts, null);
        }

        /** The same, computed in another way. */
        public Answered with(Computation other) {
            return new Answered(origin, result, facts, event, other);
        }
    }

    /** How an answer was computed where equal requests are computed once. */
    enum Computation {
        /** For its record. */
        OWN,
        /** For its record, since the request's id is the seed. */
        BY_ID,
        /** For an equal request. */
        COPIED
    }

    /** An event without a value, which passed as it is. */
    record Passed(Origin origin, RunFacts facts) implements Outcome {}

    /**
     * A record that could not be answered.
     *
     * @param id the request's id, or null if it could not be read
     * @param encoded encoded form for the sink; null if the sink is to encode the failure. Never
     *     leaves the task.
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

        /** The same with an encoded form. */
        public Failed with(Encoded form) {
            return new Failed(origin, id, code, message, facts, form);
        }
    }

    /** A failure in a form that only its sink knows. */
    interface Encoded {}

    /**
     * Facts of the run that made an outcome; written in headers, never in key or value. Times are
     * milliseconds since 1970, 0 for events that did not happen.
     *
     * @param arrivedMs arrival at the operator
     * @param admittedMs submission to the engine (in this attempt)
     * @param firstTokenMs first token (in this attempt)
     * @param finishedMs last token, or failure
     * @param cachedTokens prompt tokens served from the prefix cache
     * @param attempts number of restores from state
     */
    record RunFacts(
            long arrivedMs,
            long admittedMs,
            long firstTokenMs,
            long finishedMs,
            int cachedTokens,
            int attempts) {

        /** The facts of an outcome that an older release saved without any. */
        static final RunFacts NONE = new RunFacts(0, 0, 0, 0, 0, 0);
    }
}
