package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.operators.dedupe.RequestKey;
import io.millrace.operators.event.EventAnswer;
import io.millrace.operators.event.EventReading;
import io.millrace.operators.inference.Restoration.Progress;
import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.EarlierModel;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ScheduledFuture;

/** One record from its arrival at the inference operator until its outcome is emitted. */
final class InFlight {
    final Inbound inbound;
    final long arrivedMs;
    final int attempts;

    /** Earlier models that generated the first tokens, oldest first. */
    final List<EarlierModel> earlier;

    /** Null for a rejected record, and until a long record is read. */
    InferenceRequest request;

    /** Index in the order of arrival; set by the {@link OutcomeQueue}. */
    long sequence;

    /** Whether it must run alone, since the engine failed with it before. */
    boolean alone;

    /** The tokens that the valve counts: an estimate until it is tokenized. */
    long weight;

    /** Hash of the request that was made of an event; null until prepared, and of others. */
    Long requestHash;

    /** Null until prepared. */
    GenerationRequest generation;

    /** What its answer depends on; null where it is not shared with equal requests. */
    RequestKey key;

    /** Whether its outcome is that of an equal request. */
    boolean copy;

    /** 0 while the engine does not have it. */
    long ticket;

    long admittedMs;
    long firstTokenMs;
    ScheduledFuture<?> deadlineTimer;

    /** Null until it is known. */
    Outcome outcome;

    /** Whether the outcome may be emitted; a failure waits until it is encoded. */
    boolean mayLeave;

    private int[][] generated;
    private int[] counts;

    InFlight(Inbound inbound, long arrivedMs, int attempts, Progress progress) {
        this.inbound = inbound;
        this.request = inbound instanceof Inbound.Request read ? read.request() : null;
        this.arrivedMs = arrivedMs;
        this.attempts = attempts;
        this.earlier = progress.earlier();
        this.generated = progress.generated().toArray(int[][]::new);
        this.counts = new int[generated.length];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = this.generated[i].length;
        }
    }

    /**
     * How the answer is put into the record; null unless that is an event.
     *
     * @param structured whether the job's constraint makes answers JSON
     */
    EventAnswer eventAnswer(boolean structured) {
        EventReading event = InFlightCodec.event(inbound);
        return event == null ? null : event.answer(request, structured);
    }

    boolean isDone() {
        return outcome != null;
    }

    /**
     * Sets the request for the engine.
     *
     * @param longest maximum tokens of one completion with its prompt
     * @return the tokens that the valve counts from now on
     */
    long onPrepared(PromptPool.Ready prepared, int longest) {
        generation = prepared.generation();
        requestHash = prepared.requestHash();
        if (inbound instanceof Inbound.Unread) {
            // Drops the text: the record and its tokens are kept.
            request.setPrompt(null);
            request.setMessages(null);
            request.setChatTemplateKwargs(null);
            request.setPromptTokenIds(null);
        }
        SamplingParameters sampling = generation.sampling();
        long most = (long) sampling.maxTokens() * sampling.n();
        return generation.promptTokenIds().length + Math.min(most, longest);
    }

    void addToken(int completion, int tokenId, long timeMs) {
        if (firstTokenMs == 0) {
            firstTokenMs = timeMs;
        }
        if (completion >= counts.length) {
            int size = counts.length;
            generated = Arrays.copyOf(generated, completion + 1);
            counts = Arrays.copyOf(counts, completion + 1);
            for (int i = size; i <= completion; i++) {
                generated[i] = new int[16];
            }
        }
        int count = counts[completion]++;
        if (count == generated[completion].length) {
            generated[completion] = Arrays.copyOf(generated[completion], count * 2 + 16);
        }
        generated[completion][count] = tokenId;
    }

    /** Tokens so far, one array per completion; empty if none has started. */
    List<int[]> generated() {
        List<int[]> copy = new ArrayList<>(counts.length);
        for (int i = 0; i < counts.length; i++) {
            copy.add(Arrays.copyOf(generated[i], counts[i]));
        }
        return copy;
    }
}
