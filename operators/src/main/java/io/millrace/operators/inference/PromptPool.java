package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.TokenEstimate;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

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

    /** The longest that closing waits for a tokenizer or a template at work. */
    private static final long PATIENCE_SECONDS = 10;

    /** A lane without work gives its thread back. */
    private static final long IDLE_SECONDS = 30;

    /**
     * What became of a request.
     *
     * @param generation null if it failed
     * @param failure null if it did not
     */
    record Ready(InFlight record, GenerationRequest generation, Throwable failure) {}

    private final Preparation preparation;
    private final Runnable wakeUp;
    private final ThreadPoolExecutor shortLane;
    private final ThreadPoolExecutor longLane;

    /** Guarded by itself. */
    private final List<Ready> ready = new ArrayList<>();

    private int pending;

    /**
     * @param wakeUp run by a lane when there is something to drain, and not again before that
     */
    PromptPool(Preparation preparation, String task, Runnable wakeUp) {
        this.preparation = preparation;
        this.wakeUp = wakeUp;
        shortLane = lane("millrace-prompts of " + task);
        longLane = lane("millrace-long-prompts of " + task);
    }

    private static ThreadPoolExecutor lane(String name) {
        ThreadPoolExecutor lane =
                new ThreadPoolExecutor(
                        1,
                        1,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        // Bounded by the valve.
                        new LinkedBlockingQueue<>(),
                        task -> {
                            Thread thread = new Thread(task, name);
                            thread.setDaemon(true);
                            return thread;
                        });
        lane.allowCoreThreadTimeOut(true);
        return lane;
    }

    /** Has a request prepared. */
    void submit(InFlight record) {
        InferenceRequest request = ((Inbound.Request) record.inbound).request();
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
        shortLane.shutdownNow();
        longLane.shutdownNow();
        try {
            shortLane.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
            longLane.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            // The task is being cancelled: what runs is a thread that holds nothing of it.
            Thread.currentThread().interrupt();
        }
    }
}
