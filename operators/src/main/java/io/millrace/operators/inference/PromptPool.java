package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.TokenEstimate;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.List;

/**
 * Has requests prepared by threads of its own: a long prompt takes the tokenizer a second, in which
 * the mailbox thread must answer barriers and other requests.
 *
 * <pre>
 *                  ┌──> short ones, in order ──┐
 *   mailbox thread ┤                           ├──> ready ──> one wake-up, drained by the
 *                  └──> long ones, in order ───┘              mailbox thread
 * </pre>
 *
 * <p>A request waits for those of its own lane that came before it, never for the other lane. The
 * mailbox thread submits, drains and closes.
 */
final class PromptPool implements AutoCloseable {
    /** From here on tokenizing takes milliseconds. */
    private static final int LONG_CHARACTERS = 16 << 10;

    private static final int LONG_TOKEN_IDS = 16 << 10;

    /**
     * What became of a request.
     *
     * @param generation null if it failed
     * @param failure null if it did not
     */
    record Ready(InFlight record, GenerationRequest generation, Throwable failure) {}

    private final Preparation preparation;
    private final Runnable wakeUp;
    private final Lane shortLane;
    private final Lane longLane;

    /** Guarded by itself. */
    private final List<Ready> ready = new ArrayList<>();

    private int pending;

    /**
     * @param wakeUp run by a lane when there is something to drain, and not again before that
     */
    PromptPool(Preparation preparation, String task, Runnable wakeUp) {
        this.preparation = preparation;
        this.wakeUp = wakeUp;
        shortLane = new Lane("millrace-prompts of " + task);
        longLane = new Lane("millrace-long-prompts of " + task);
    }

    /** Has a request prepared, which was read. */
    void submit(InFlight record) {
        InferenceRequest request = record.request;
        Origin origin = record.inbound.origin();
        List<int[]> generated = record.generated();
        pending++;
        (isLong(request) ? longLane : shortLane)
                .execute(() -> add(prepare(record, request, origin, generated)));
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

    /** What is ready, in order of each lane. */
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

    /** Drops what waits, and waits for what runs. */
    @Override
    public void close() {
        shortLane.stop();
        longLane.stop();
        shortLane.close();
        longLane.close();
    }
}
