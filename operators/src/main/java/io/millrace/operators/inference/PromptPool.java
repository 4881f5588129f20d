package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.TokenEstimate;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.List;

/**
 * Prepares requests on separate threads: tokenizing a long prompt takes up to a second, in which
 * the mailbox thread must handle barriers and other requests.
 *
 * <pre>
 *                  ┌──> short ones, in order ─────────────────────┐
 *   mailbox thread ┼──> long ones, in order ──────────────────────┼──> ready ──> one wake-up,
 *                  └──> those with a constraint of their own ─────┘    drained by the mailbox thread
 * </pre>
 *
 * <p>A request waits for earlier ones of its lane, never for another lane: compiling a constraint
 * may take as long as tokenizing a long prompt. The mailbox thread submits, drains and closes.
 */
final class PromptPool implements AutoCloseable {
    /** Minimum length of a long prompt, whose tokenizing takes milliseconds. */
    private static final int LONG_CHARACTERS = 16 << 10;

    private static final int LONG_TOKEN_IDS = 16 << 10;

    /**
     * The result for a request.
     *
     * @param generation null if it failed
     * @param failure null if it succeeded
     */
    record Ready(InFlight record, GenerationRequest generation, Throwable failure) {}

    private final Preparation preparation;
    private final Runnable wakeUp;
    private final Lane shortLane;
    private final Lane longLane;
    private final Lane constraintLane;

    /** Guarded by itself. */
    private final List<Ready> ready = new ArrayList<>();

    private int pending;

    /**
     * @param wakeUp run by a lane when there is something to drain, once until the next drain
     */
    PromptPool(Preparation preparation, String task, Runnable wakeUp) {
        this.preparation = preparation;
        this.wakeUp = wakeUp;
        shortLane = new Lane("millrace-prompts of " + task);
        longLane = new Lane("millrace-long-prompts of " + task);
        constraintLane = new Lane("millrace-constraints of " + task);
    }

    /** Submits a request that was read. */
    void submit(InFlight record) {
        InferenceRequest request = record.request;
        Origin origin = record.inbound.origin();
        List<int[]> generated = record.generated();
        pending++;
        lane(request).execute(() -> add(prepare(record, request, origin, generated)));
    }

    private Lane lane(InferenceRequest request) {
        if (request.getConstraint() != null) {
            return constraintLane;
        }
        return isLong(request) ? longLane : shortLane;
    }

    private static boolean isLong(InferenceRequest request) {
        return TokenEstimate.characters(request) > LONG_CHARACTERS
                || (request.getPromptTokenIds() != null
                        && request.getPromptTokenIds().size() > LONG_TOKEN_IDS);
    }

    private Ready prepare(
            InFlight record, InferenceRequest request, Origin origin, List<int[]> generated) {
        try {
            return new Ready(record, preparation.prepare(request, origin, generated), null);
        } catch (RequestRejectedException | RuntimeException | Error e) {
            return new Ready(record, null, e);
        }
    }

    private void add(Ready one) {
        boolean first;
        synchronized (ready) {
            first = ready.isEmpty();
            ready.add(one);
        }
        if (first) {
            wakeUp.run();
        }
    }

    /** Takes the results, in order per lane. */
    List<Ready> drain() {
        List<Ready> drained;
        synchronized (ready) {
            drained = List.copyOf(ready);
            ready.clear();
        }
        pending -= drained.size();
        return drained;
    }

    /** Requests submitted and not drained. */
    int pending() {
        return pending;
    }

    /** Drops waiting requests, and waits for those that are being prepared. */
    @Override
    public void close() {
        shortLane.stop();
        longLane.stop();
        constraintLane.stop();
        shortLane.close();
        longLane.close();
        constraintLane.close();
    }
}
