package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.session.EngineSession;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.request.RequestMapper;
import io.millrace.operators.tool.AnswerReader;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceResult;

/**
 * Makes the outcome of each record, an answer or a failure with its reason, and adds it to the
 * {@link OutcomeQueue}. Mailbox thread only.
 */
final class Outcomes {
    private final EngineSession session;
    private final OutcomeQueue queue;
    private final LongRecords longRecords;
    private final InferenceMetrics metrics;
    private final boolean structured;
    private final PromptPool prompts;
    private final Copies copies;
    private final AnswerReader reader;
    private final Runnable release;

    /**
     * @param release called when a delayed outcome can be emitted
     */
    Outcomes(
            EngineSession session,
            OutcomeQueue queue,
            LongRecords longRecords,
            PromptPool prompts,
            InferenceMetrics metrics,
            PipelineOptions options,
            Runnable release) {
        this.session = session;
        this.queue = queue;
        this.longRecords = longRecords;
        this.metrics = metrics;
        this.structured = options.constraint() instanceof Constraint.JsonSchema;
        this.copies = new Copies(options.dedupeBytes(), session.model().defaultSampling());
        this.prompts = prompts;
        this.reader = prompts.reader();
        this.release = release;
    }

    /** Completes a record that needs no engine: restored with its outcome, rejected, or passing. */
    boolean isKnown(InFlight record) {
        if (record.outcome != null) {
            queue.complete(record, record.outcome);
        } else if (record.inbound instanceof Inbound.Rejected rejected) {
            reject(record, rejected);
        } else if (record.inbound instanceof Inbound.Tombstone tombstone) {
            RunFacts facts =
                    new RunFacts(
                            record.arrivedMs, 0, 0, System.currentTimeMillis(), 0, record.attempts);
            complete(record, new Outcome.Passed(tombstone.origin(), facts));
        } else {
            return false;
        }
        return true;
    }

    /**
     * Whether a prepared record has, or waits for, the outcome of an equal request, so that the
     * engine must not have it.
     */
    boolean isCopy(InFlight record) {
        if (!copies.isCopy(record)) {
            return false;
        }
        GenerationResult known = copies.known(record);
        if (known != null) {
            answerCopy(record, known, System.currentTimeMillis());
        }
        return true;
    }

    /** The outcome of a record as it is emitted. */
    Outcome emitted(InFlight record) {
        return copies.marked(record);
    }

    /** The engine has finished a record's request. */
    void answer(InFlight record, GenerationResult result, long timeMs) {
        answerOne(record, result, timeMs);
        for (InFlight copy : copies.finish(record, result)) {
            answerCopy(copy, result, timeMs);
        }
    }

    private void answerCopy(InFlight copy, GenerationResult result, long timeMs) {
        copy.admittedMs = Math.max(copy.arrivedMs, timeMs);
        answerOne(
                copy,
                new GenerationResult(
                        copy.generation.id(), result.promptTokens(), 0, result.completions()),
                copy.admittedMs);
    }

    private void answerOne(InFlight record, GenerationResult result, long timeMs) {
        InferenceResult answer =
                RequestMapper.result(
                        record.request, result, session.model(), reader, record.earlier);
        RunFacts facts =
                new RunFacts(
                        record.arrivedMs,
                        record.admittedMs,
                        record.firstTokenMs == 0 ? timeMs : record.firstTokenMs,
                        timeMs,
                        result.cachedTokens(),
                        record.attempts);
        metrics.onAnswered(
                facts,
                record.request.getPriority(),
                result.promptTokens(),
                answer.getUsage().getCompletionTokens());
        complete(
                record,
                new Outcome.Answered(
                        record.inbound.origin(), answer, facts, record.eventAnswer(structured)));
    }

    /** A record that is no request. */
    void reject(InFlight record, Inbound.Rejected rejected) {
        fail(record, rejected.id(), rejected.code(), rejected.message());
    }

    /** The engine, or the preparation, refused the request or failed on it. */
    void refuse(InFlight record, Exception cause) {
        refuseOne(record, cause);
        for (InFlight copy : copies.finish(record, null)) {
            refuseOne(copy, cause);
        }
    }

    private void refuseOne(InFlight record, Exception cause) {
        if (cause instanceof RequestRejectedException rejected) {
            FailureCode code =
                    switch (rejected.reason()) {
                        case EMPTY_PROMPT -> FailureCode.EMPTY_PROMPT;
                        case PROMPT_TOO_LONG -> FailureCode.PROMPT_TOO_LONG;
                        case INVALID_PARAMETER -> FailureCode.INVALID_PARAMETER;
                        case UNSUPPORTED -> FailureCode.UNSUPPORTED;
                    };
            fail(record, code, rejected.getMessage());
        } else {
            fail(
                    record,
                    FailureCode.GENERATION_FAILED,
                    "The engine failed on this request alone: " + cause.getMessage());
        }
    }

    /** A request's deadline has passed. */
    void expire(InFlight record, long deadline) {
        fail(
                record,
                FailureCode.DEADLINE_EXCEEDED,
                "deadline_ms is " + deadline + " and passed before the answer was complete.");
    }

    /** A request that is not answered, with the reason. */
    void fail(InFlight record, FailureCode code, String message) {
        fail(record, record.request.getId(), code, message);
    }

    private void fail(InFlight record, String id, FailureCode code, String message) {
        metrics.onFailed(code);
        RunFacts facts =
                new RunFacts(
                        record.arrivedMs,
                        record.admittedMs,
                        record.firstTokenMs,
                        System.currentTimeMillis(),
                        0,
                        record.attempts);
        Outcome.Failed failed =
                new Outcome.Failed(record.inbound.origin(), id, code, message, facts);
        if (longRecords.encodes(failed)) {
            // The failure is set and saved; it is emitted once it is encoded.
            record.outcome = failed;
            finish(record);
            longRecords.encode(
                    failed,
                    encoded -> {
                        queue.complete(record, encoded);
                        release.run();
                    });
        } else {
            complete(record, failed);
        }
    }

    private void complete(InFlight record, Outcome outcome) {
        finish(record);
        queue.complete(record, outcome);
    }

    private void finish(InFlight record) {
        prompts.release(record.generation);
        if (record.deadlineTimer != null) {
            record.deadlineTimer.cancel(false);
        }
    }
}
