package io.millrace.operators.inference;

import io.millrace.gpu.session.EngineSession;
import io.millrace.operators.options.Batching;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Decides which of the requests in flight the engine has, and knows them by its tickets. Mailbox
 * thread only.
 *
 * <p>Dynamic batching hands each over at once; with static batching a batch starts when the one
 * before it has ended and all its own requests are prepared.
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

    /** Takes a batch of requests that are still to be prepared. */
    void add(List<InFlight> batch) {
        if (batching == Batching.STATIC && !batch.isEmpty()) {
            batches.add(batch);
        }
    }

    /** A request of a batch is prepared; {@link #startNext} is to be called after the last. */
    void onPrepared(InFlight record) {
        if (batching == Batching.DYNAMIC) {
            submit(record);
        }
    }

    private void submit(InFlight record) {
        record.ticket = session.submit(record.generation, record.inbound.origin(), record.alone);
        byTicket.put(record.ticket, record);
    }

    /** The request that the engine has under this ticket; null if it was taken back. */
    InFlight get(long ticket) {
        return byTicket.get(ticket);
    }

    /** The engine is done with a ticket; null if it was taken back. */
    InFlight remove(long ticket) {
        return byTicket.remove(ticket);
    }

    /** Takes a request back from the engine, if it has it. */
    void cancel(InFlight record) {
        if (byTicket.remove(record.ticket, record)) {
            session.cancel(record.ticket);
        }
    }

    /** To be called once what was prepared, removed or cancelled has its outcome, if it has one. */
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
