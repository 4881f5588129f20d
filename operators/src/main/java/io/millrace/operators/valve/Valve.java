package io.millrace.operators.valve;

import io.millrace.gpu.common.RunningTime;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.TokenEstimate;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/**
 * Decides whether a task may accept more requests, by requests and tokens in flight. Mailbox thread
 * only, except for the futures.
 *
 * <pre>
 *   reader ──> validator ──> micro-batch ──> inference ──> outcomes
 *     ^ closed?                 | buffered      | in flight      | left
 *     └───────────── valve ─────┴───────────────┴────────────────┘
 * </pre>
 *
 * <p>Behind a hop the {@code GateOperator} checks it instead of the reader.
 *
 * <p>Reader and operators share no object: the inference operator, which Flink opens first,
 * registers the valve under the task attempt, and the others look it up there.
 */
public final class Valve {

    /** Identifies one attempt of one subtask of one job in this JVM. */
    private record Key(String job, String task, String allocation, String pipeline) {}

    private static final Map<Key, Valve> REGISTERED = new ConcurrentHashMap<>();

    private final Key key;
    private final Thread mailboxThread = Thread.currentThread();
    private final int maxRequests;
    private final long maxTokens;

    private long longest = Long.MAX_VALUE;
    private int requests;
    private long tokens;
    private Inbound held;
    private Runnable flush = () -> {};

    private final RunningTime closed = new RunningTime();

    /** Weak, so that a clock is collected with the split whose idleness it measured. */
    private final Set<OpenTime> clocks = Collections.newSetFromMap(new WeakHashMap<>());

    private CompletableFuture<Void> opened = CompletableFuture.completedFuture(null);
    private CompletableFuture<Void> emptied = CompletableFuture.completedFuture(null);

    private Valve(Key key, int maxRequests, long maxTokens) {
        this.key = key;
        this.maxRequests = maxRequests;
        this.maxTokens = maxTokens;
    }

    /**
     * Makes the valve of the task that {@code context} belongs to.
     *
     * @param maxSequences sequences that the engine runs at once
     */
    public static Valve register(
            RuntimeContext context, PipelineOptions options, int maxSequences) {
        Key key = key(context, options.name());
        Valve valve =
                new Valve(
                        key,
                        options.maxInFlightRequests(maxSequences),
                        options.maxInFlightTokens());
        REGISTERED.put(key, valve);
        return valve;
    }

    /** The valve of the task that {@code context} belongs to, or null. */
    public static Valve find(RuntimeContext context, String pipeline) {
        return REGISTERED.get(key(context, pipeline));
    }

    /** As {@link #find}; without a valve the task fails for good. */
    public static Valve require(RuntimeContext context, String pipeline) {
        Valve valve = find(context, pipeline);
        if (valve == null) {
            throw new SuppressRestartsException(
                    new IllegalStateException(
                            context.getTaskInfo().getTaskName()
                                    + " and the inference operator are not in one chain, so nothing"
                                    + " could hold records back: give all operators of the pipeline"
                                    + " the same parallelism and leave chaining enabled"
                                    + " (pipeline.operator-chaining.enabled)."));
        }
        return valve;
    }

    /** The valve of the task whose mailbox thread calls, or null. */
    static Valve ofThisTask(String pipeline) {
        for (Valve valve : REGISTERED.values()) {
            if (valve.mailboxThread == Thread.currentThread()
                    && valve.key.pipeline().equals(pipeline)) {
                return valve;
            }
        }
        return null;
    }

    private static Key key(RuntimeContext context, String pipeline) {
        return new Key(
                String.valueOf(context.getJobInfo().getJobId()),
                context.getTaskInfo().getTaskNameWithSubtasks(),
                context.getTaskInfo().getAllocationIDAsString(),
                pipeline);
    }

    public void unregister() {
        REGISTERED.remove(key, this);
    }

    /** Notifies {@code clock} from now on when this valve opens and closes. */
    public void add(OpenTime clock) {
        clocks.add(clock);
    }

    /** Sets the action that emits a partial batch at the end of input. */
    public void onEndOfInput(Runnable flush) {
        this.flush = flush;
    }

    /** Notes the end of input, after which partial batches must not wait. */
    void endOfInput() {
        flush.run();
    }

    /**
     * Sets the record that waits for this valve to open, or null. It is not counted, but no longer
     * in the network either.
     */
    public void hold(Inbound inbound) {
        held = inbound;
    }

    /** The record that waits for this valve to open, or null. */
    public Inbound held() {
        return held;
    }

    /** Sets the maximum tokens of a request: a longer prompt counts as this many. */
    public void setLongest(long tokens) {
        longest = tokens;
    }

    /** Estimated tokens of a record, until it is tokenized. */
    public long estimate(Inbound inbound) {
        return TokenEstimate.of(inbound, longest);
    }

    /** Counts requests that entered the task or left it (negative). */
    public void add(int moreRequests, long moreTokens) {
        boolean wasOpen = isOpen();
        requests += moreRequests;
        tokens += moreTokens;
        if (requests < 0 || tokens < 0) {
            throw new IllegalStateException(
                    "The valve counts " + requests + " requests and " + tokens + " tokens.");
        }
        if (wasOpen && !isOpen()) {
            closed.begin();
            opened = new CompletableFuture<>();
            clocks.forEach(OpenTime::onClosed);
        } else if (!wasOpen && isOpen()) {
            closed.end();
            clocks.forEach(OpenTime::onOpened);
            opened.complete(null);
        }
        if (isEmpty()) {
            emptied.complete(null);
        } else if (emptied.isDone()) {
            emptied = new CompletableFuture<>();
        }
    }

    public boolean isOpen() {
        return requests < maxRequests && tokens < maxTokens;
    }

    /** Nanoseconds for which it was closed in total. Any thread. */
    public long closedNanos() {
        return closed.nanos();
    }

    public boolean isEmpty() {
        return requests == 0;
    }

    public int requests() {
        return requests;
    }

    public long tokens() {
        return tokens;
    }

    /** Completed while open. */
    public CompletableFuture<Void> opened() {
        return opened;
    }

    /** Completed while nothing is in flight. */
    public CompletableFuture<Void> emptied() {
        return emptied;
    }
}
