package io.millrace.operators.inference;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.operators.event.RequestHash;
import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.TokenEstimate;
import io.millrace.operators.tool.AnswerReader;
import io.millrace.operators.tool.RequestTools;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Prepares requests on separate threads: tokenizing a long prompt takes up to a second, in which
 * the mailbox thread must handle barriers and other requests.
 *
 * <pre>
 *                  ┌──> short ones, by turns in two lanes ────────┐
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

    /** One tokenizes some 30,000 short prompts a second, and a core is not all of a machine. */
    private static final int SHORT_LANES = 2;

    /** Short ones that follow each other are drained together, but none waits for longer. */
    private static final long PATIENCE_NANOS = 500_000;

    /**
     * The result for a request.
     *
     * @param generation null if it failed
     * @param requestHash of a request that was made of an event, else null
     * @param failure null if it succeeded
     */
    record Ready(
            InFlight record, GenerationRequest generation, Long requestHash, Throwable failure) {}

    private final Preparation preparation;
    private final Runnable wakeUp;
    private final List<Lane> shortLanes = new ArrayList<>();
    private final Lane longLane;
    private final Lane constraintLane;

    /** Guarded by itself. */
    private final List<Ready> ready = new ArrayList<>();

    /** Conversations that are not prepared: their templates may take seconds. */
    private final AtomicInteger conversations = new AtomicInteger();

    /** Of the first of {@link #ready}. */
    private long oldestNanos;

    /** The mailbox thread has been woken for what is {@link #ready}. */
    private boolean woken;

    private int pending;
    private int nextShort;

    /**
     * @param wakeUp run by a lane when there is something to drain, once until the next drain
     */
    PromptPool(Preparation preparation, String task, Runnable wakeUp) {
        this.preparation = preparation;
        this.wakeUp = wakeUp;
        for (int i = 0; i < SHORT_LANES; i++) {
            shortLanes.add(new Lane("millrace-prompts of " + task));
        }
        longLane = new Lane("millrace-long-prompts of " + task);
        constraintLane = new Lane("millrace-constraints of " + task);
    }

    /** Takes the answers of these requests apart. */
    AnswerReader reader() {
        return preparation.reader();
    }

    /** Submits a request that was read. */
    void submit(InFlight record) {
        InferenceRequest request = record.request;
        Origin origin = record.inbound.origin();
        List<int[]> generated = record.generated();
        pending++;
        Lane lane = lane(request);
        boolean isShort = shortLanes.contains(lane);
        if (request.getMessages() != null) {
            conversations.incrementAndGet();
        }
        lane.execute(
                () ->
                        add(
                                prepare(record, request, origin, generated),
                                isShort && !lane.isEmpty() && conversations.get() == 0));
    }

    private Lane lane(InferenceRequest request) {
        if (request.getConstraint() != null || RequestTools.isForced(request)) {
            return constraintLane;
        }
        if (isLong(request)) {
            return longLane;
        }
        nextShort = (nextShort + 1) % SHORT_LANES;
        return shortLanes.get(nextShort);
    }

    private static boolean isLong(InferenceRequest request) {
        return TokenEstimate.characters(request) > LONG_CHARACTERS
                || (request.getPromptTokenIds() != null
                        && request.getPromptTokenIds().size() > LONG_TOKEN_IDS);
    }

    private Ready prepare(
            InFlight record, InferenceRequest request, Origin origin, List<int[]> generated) {
        try {
            Long hash =
                    InFlightCodec.event(record.inbound) == null ? null : RequestHash.of(request);
            return new Ready(record, preparation.prepare(request, origin, generated), hash, null);
        } catch (RequestRejectedException | RuntimeException | Error e) {
            return new Ready(record, null, null, e);
        } finally {
            if (request.getMessages() != null) {
                conversations.decrementAndGet();
            }
        }
    }

    /**
     * @param more whether another short text follows at once: the wake-up may wait for it
     */
    private void add(Ready one, boolean more) {
        boolean due;
        synchronized (ready) {
            if (ready.isEmpty()) {
                oldestNanos = System.nanoTime();
                woken = false;
            }
            ready.add(one);
            due = !woken && (!more || System.nanoTime() - oldestNanos > PATIENCE_NANOS);
            woken |= due;
        }
        if (due) {
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

    /** Gives back what a request took that is done, or that nobody wants any more. */
    void release(GenerationRequest prepared) {
        if (prepared != null) {
            preparation.release(prepared.sampling());
        }
    }

    /** Requests submitted and not drained. */
    int pending() {
        return pending;
    }

    /** Drops waiting requests, and waits for those that are being prepared. */
    @Override
    public void close() {
        shortLanes.forEach(Lane::stop);
        longLane.stop();
        constraintLane.stop();
        shortLanes.forEach(Lane::close);
        longLane.close();
        constraintLane.close();
    }
}
