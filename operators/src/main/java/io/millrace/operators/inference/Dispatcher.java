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
 * before it has ended.
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

    /** Takes a batch of prepared requests. */
    void add(List<InFlight> batch) {
        if (batching == Batching.DYNAMIC) {
            batch.forEach(this::submit);
        } else if (!batch.isEmpty()) {
            batches.add(batch);
            startNext();
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

    /** To be called once what was removed or cancelled has its outcome. */
    void startNext() {
        while (byTicket.isEmpty() && !batches.isEmpty()) {
            for (InFlight record : batches.poll()) {
                if (!record.isDone()) {
                    submit(record);
                }
            }
        }
    }
}
