package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.operators.inference.Restoration.Progress;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.EarlierModel;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ScheduledFuture;

/** One record between its arrival at the inference operator and the leaving of its outcome. */
final class InFlight {
    final Inbound inbound;
    final long arrivedMs;
    final int attempts;

    /** Models before the present one that the first tokens are of, oldest first. */
    final List<EarlierModel> earlier;

    /** Null of what is rejected, and until a long record is read. */
    InferenceRequest request;

    /** Place in the order of arrival; set by the {@link OutcomeQueue}. */
    long sequence;

    /** Whether the engine shall run it by itself, since it may have brought it down before. */
    boolean alone;

    /** What the valve counts it as: an estimate until it is tokenized. */
    long weight;

    /** Null until prepared. */
    GenerationRequest generation;

    /** 0 while the engine does not have it. */
    long ticket;

    long admittedMs;
    long firstTokenMs;
    ScheduledFuture<?> deadlineTimer;

    /** Null until it is known. */
    Outcome outcome;

    /** Whether the outcome may leave; a failure's waits until it is encoded. */
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

    boolean isDone() {
        return outcome != null;
    }

    /**
     * Sets what the engine takes of the request.
     *
     * @param longest most tokens of one completion with its prompt
     * @return what the valve counts it as from now on
     */
    long onPrepared(GenerationRequest prepared, int longest) {
        generation = prepared;
        if (inbound instanceof Inbound.Unread) {
            // The record itself is kept, and so are the tokens: no need of the text as well.
            request.setPrompt(null);
            request.setMessages(null);
            request.setPromptTokenIds(null);
        }
        SamplingParameters sampling = prepared.sampling();
        long most = (long) sampling.maxTokens() * sampling.n();
        return prepared.promptTokenIds().length + Math.min(most, longest);
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

    /** Tokens so far, one array a completion; empty where none started. */
    List<int[]> generated() {
        List<int[]> copy = new ArrayList<>(counts.length);
        for (int i = 0; i < counts.length; i++) {
            copy.add(Arrays.copyOf(generated[i], counts[i]));
        }
        return copy;
    }
}
