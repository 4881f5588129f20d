package io.millrace.jobs.verify;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SessionListener;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;

/** Answers every n-th request by a shared engine, as a subtask of a job does. One thread. */
final class Subtask implements SessionListener {
    private final List<GenerationRequest> requests;
    private final GenerationResult[] results;
    private final int first;
    private final int step;
    private final Map<Long, Integer> byTicket = new HashMap<>();
    private Exception failure;

    /**
     * @param results receives the answers, each at its request's index
     * @param first index of the first request, and then each {@code step}-th after it
     */
    Subtask(List<GenerationRequest> requests, GenerationResult[] results, int first, int step) {
        this.requests = requests;
        this.results = results;
        this.first = first;
        this.step = step;
    }

    void run(EngineSession session) throws Exception {
        Semaphore events = new Semaphore(0);
        session.onEvents(events::release);
        for (int i = first; i < requests.size(); i += step) {
            byTicket.put(session.submit(requests.get(i)), i);
        }
        while (!byTicket.isEmpty() && failure == null) {
            events.acquire();
            session.drain(this);
        }
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void onAdmitted(long ticket, long timeMs) {
        // Only what comes out of it counts.
    }

    @Override
    public void onToken(long ticket, int completion, int tokenId, long timeMs) {
        // Ignored: the result has all tokens.
    }

    @Override
    public void onFinished(long ticket, GenerationResult result, long timeMs) {
        results[byTicket.remove(ticket)] = result;
    }

    @Override
    public void onFailed(long ticket, Exception cause) {
        byTicket.remove(ticket);
        failure = cause;
    }
}
