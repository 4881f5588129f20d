package io.millrace.gpu.session;

import io.millrace.gpu.api.GenerationResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Events for one session in their order, stored as columns, so that a token costs no object. Not
 * thread-safe.
 */
final class Outbox {
    /** Kinds of events below zero; a kind from zero on is the completion that grew by a token. */
    static final int ADMITTED = -1;

    static final int FINISHED = -2;
    static final int FAILED = -3;

    private int[] kinds = new int[64];
    private long[] tickets = new long[64];
    private int[] tokenIds = new int[64];
    private long[] times = new long[64];
    private int size;

    /** Results and causes of finished and failed events, in their order. */
    private final List<Object> payloads = new ArrayList<>();

    boolean isEmpty() {
        return size == 0;
    }

    void add(int kind, long ticket, int tokenId, long timeMs, Object payload) {
        if (size == kinds.length) {
            kinds = Arrays.copyOf(kinds, size * 2);
            tickets = Arrays.copyOf(tickets, size * 2);
            tokenIds = Arrays.copyOf(tokenIds, size * 2);
            times = Arrays.copyOf(times, size * 2);
        }
        kinds[size] = kind;
        tickets[size] = ticket;
        tokenIds[size] = tokenId;
        times[size] = timeMs;
        size++;
        if (payload != null) {
            payloads.add(payload);
        }
    }

    void tell(SessionListener listener) {
        int payload = 0;
        for (int i = 0; i < size; i++) {
            switch (kinds[i]) {
                case ADMITTED -> listener.onAdmitted(tickets[i], times[i]);
                case FINISHED ->
                        listener.onFinished(
                                tickets[i], (GenerationResult) payloads.get(payload++), times[i]);
                case FAILED -> listener.onFailed(tickets[i], (Exception) payloads.get(payload++));
                default -> listener.onToken(tickets[i], kinds[i], tokenIds[i], times[i]);
            }
        }
    }

    void clear() {
        size = 0;
        payloads.clear();
    }
}
