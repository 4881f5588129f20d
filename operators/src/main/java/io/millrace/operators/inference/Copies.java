package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.operators.dedupe.AnswerTable;
import io.millrace.operators.dedupe.RequestKey;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Outcome.Computation;
import io.millrace.operators.tool.RequestTools;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Has equal requests computed once: the first goes to the engine, others wait for its outcome, or
 * have it where it is kept. Mailbox thread only.
 *
 * <p>Nothing of it is state. Requests that wait are in flight like any other, and after a restore
 * the first of them is computed: an answer is a function of the request, so it is the same.
 */
final class Copies {
    /** Null where every request is computed. */
    private final AnswerTable answers;

    private final SamplingParameters defaults;

    /** By the key of a request that is computed: those that wait for it. */
    private final Map<RequestKey, List<InFlight>> waiting = new HashMap<>();

    /**
     * @param maxBytes memory of answers that are kept; 0 has every request computed
     * @param defaults of what requests leave out
     */
    Copies(long maxBytes, SamplingParameters defaults) {
        this.answers = maxBytes > 0 ? new AnswerTable(maxBytes) : null;
        this.defaults = defaults;
    }

    /**
     * Notes a request that is prepared.
     *
     * @return whether it is a copy, which the engine must not have: its outcome is that of another,
     *     from {@link #known} or from {@link #finish}
     */
    boolean isCopy(InFlight record) {
        if (answers == null || !mayShare(record)) {
            return false;
        }
        Object constraint = record.request.getConstraint();
        if (RequestTools.isForced(record.request)) {
            constraint =
                    "tools " + record.request.getToolChoice() + "\n" + record.request.getTools();
        }
        record.key =
                RequestKey.of(record.generation, constraint == null ? null : constraint.toString());
        List<InFlight> others = waiting.get(record.key);
        if (others == null && answers.get(record.key) == null) {
            waiting.put(record.key, new ArrayList<>());
            return false;
        }
        record.copy = true;
        if (others != null) {
            others.add(record);
        }
        return true;
    }

    /** The answer of a copy, null where it waits for it. */
    GenerationResult known(InFlight copy) {
        return answers.get(copy.key);
    }

    /**
     * Notes the end of a request.
     *
     * @param result null where it failed
     * @return those that end with it
     */
    List<InFlight> finish(InFlight record, GenerationResult result) {
        if (record.key == null || record.copy) {
            return List.of();
        }
        if (result != null) {
            answers.put(record.key, result);
        }
        return waiting.remove(record.key);
    }

    /**
     * Not with a deadline, which is its own, nor where another model has begun the answer, nor a
     * suspect, which runs alone.
     */
    private boolean mayShare(InFlight record) {
        return !isById(record.request)
                && record.request.getDeadlineMs() == null
                && !record.alone
                && record.earlier.isEmpty();
    }

    /** Whether the random draws of the answer are made of the request's id. */
    private boolean isById(InferenceRequest request) {
        Double temperature = request.getTemperature();
        Long seed = request.getSeed();
        return (temperature == null ? defaults.temperature() : temperature) > 0
                && (seed == null ? defaults.seed() : seed) == null;
    }

    /** The outcome as it is emitted: an answer says how it was computed. */
    Outcome marked(InFlight record) {
        if (answers == null || !(record.outcome instanceof Outcome.Answered answered)) {
            return record.outcome;
        }
        if (record.copy) {
            return answered.with(Computation.COPIED);
        }
        // A long record that was restored with its answer is not read again.
        boolean byId = record.request != null && isById(record.request);
        return byId ? answered.with(Computation.BY_ID) : answered;
    }
}
