package io.millrace.operators.inference;

import io.millrace.gpu.session.EngineSession;
import io.millrace.operators.options.Batching;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Submits requests in flight to the engine, and maps its tickets to them. Mailbox thread only.
 *
 * <p>Dynamic batching submits each at once; a static batch starts when the previous one has ended
 * and all its own requests are prepared.
 */
final class Dispatcher {
    private final EngineSession session;
    private final Batching batching;
    private final Map<Long, InFlight> byTicket = new HashMap<>();

    /** Static batching: batches that have not started. */
    private final ArrayDeque<List<InFlight>> batches = new ArrayDeque<>();

    Dispatcher(EngineSession session, Batching batching) {
        this.session = session;
        this.batching = batching;
    }

    /** Adds a batch of requests that are not prepared yet. */
    void add(List<InFlight> batch) {
        if (batching == Batching.STATIC && !batch.isEmpty()) {
            batches.add(batch);
        }
    }

    /**
     * Notes that a request of a batch is prepared; {@link #startNext} must be called after the
     * last.
     */
    void onPrepared(InFlight record) {
        if (batching == Batching.DYNAMIC) {
            submit(record);
        }
    }

    private void submit(InFlight record) {
        record.ticket = session.submit(record.generation, record.inbound.origin(), record.alone);
        byTicket.put(record.ticket, record);
    }

    /** The request of a ticket; null if it was cancelled. */
    InFlight get(long ticket) {
        return byTicket.get(ticket);
    }

    /** Removes the request of a ticket that is done; null if it was cancelled. */
    InFlight remove(long ticket) {
        return byTicket.remove(ticket);
    }

    /** Cancels a request, if the engine has it. */
    void cancel(InFlight record) {
        if (byTicket.remove(record.ticket, record)) {
            session.cancel(record.ticket);
        }
    }

    /**
     * Starts the next batch if it can; to be called after the outcomes of prepared, removed or
     * cancelled requests are set.
     */
    void startNext() {
        while (byTicket.isEmpty() && !batches.isEmpty() && isPrepared(batches.peek())) {
            for (InFlight record : batches.poll()) {
                if (!record.isDone()) {
                    submit(record);
                }
            }
        }
    }

    private static boolean isPrepared(List<InFlight> batch) {
        for (InFlight record : batch) {
            if (!record.isDone() && record.generation == null) {
                return false;
            }
        }
        return true;
    }
}
