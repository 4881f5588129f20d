package io.millrace.gpu.session;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.api.constraint.Constraint;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One owner's view of a shared engine: submits requests and collects their events. Any thread
 * submits, cancels and closes; one thread at a time drains.
 *
 * <p>The engine thread fills an outbox and runs the wake-up once for a step with events, and not
 * again before the owner has drained. After {@link #close} no callback is made.
 */
public final class EngineSession implements AutoCloseable {
    private final SharedEngine shared;
    private final EngineThread thread;
    private final OptionNames names;

    /** Compiled here and not given back. */
    private final Set<Constraint.Compiled> constraints = ConcurrentHashMap.newKeySet();

    /** Guards the fields below; held for a few copies only. */
    private final Object lock = new Object();

    private Outbox filling = new Outbox();
    private Outbox spare = new Outbox();
    private Runnable wakeUp;
    private FaultListener faultListener;
    private boolean woken;
    private boolean closed;
    private Throwable failure;

    /**
     * @param names how the owner calls the engine's options
     */
    EngineSession(SharedEngine shared, EngineThread thread, OptionNames names) {
        this.shared = shared;
        this.thread = thread;
        this.names = names;
    }

    /**
     * Waits until the engine is there.
     *
     * @throws IOException the model could not be loaded
     */
    void awaitLoaded() throws IOException, InterruptedException {
        try {
            thread.awaitLoaded();
        } catch (IOException e) {
            String said = names.say(e.getMessage());
            throw Objects.equals(said, e.getMessage()) ? e : new IOException(said, e);
        }
    }

    /** The loaded model. */
    public ModelInfo model() {
        return thread.engine().model();
    }

    /** Most sequences that the engine runs at once. */
    public int maxSequences() {
        return thread.engine().maxSequences();
    }

    /** The model's tokenizer. */
    public Tokenizer tokenizer() {
        return thread.engine().tokenizer();
    }

    /** As {@code Engine.renderChat}. */
    public String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        return thread.engine().renderChat(prompt);
    }

    /**
     * As {@code Engine.compile}: waits while the constraints of requests in flight take too much.
     * What was not given back is when the session is closed.
     */
    public Constraint compile(Constraint constraint) throws RequestRejectedException {
        Constraint compiled;
        try {
            compiled = thread.engine().compile(constraint);
        } catch (RequestRejectedException e) {
            throw said(e);
        }
        if (compiled instanceof Constraint.Compiled held) {
            constraints.add(held);
            if (isClosed()) {
                release(held);
            }
        }
        return compiled;
    }

    /** Gives back what {@link #compile} returned; harmless if it was given back before. */
    public void release(Constraint constraint) {
        if (constraint instanceof Constraint.Compiled held && constraints.remove(held)) {
            held.close();
        }
    }

    private boolean isClosed() {
        synchronized (lock) {
            return closed;
        }
    }

    /** As {@code Engine.check}. */
    public void check(GenerationRequest request) throws RequestRejectedException {
        try {
            thread.engine().check(request);
        } catch (RequestRejectedException e) {
            throw said(e);
        }
    }

    /** A refusal in the owner's words. */
    RequestRejectedException said(RequestRejectedException e) {
        String said = names.say(e.getMessage());
        if (Objects.equals(said, e.getMessage())) {
            return e;
        }
        RequestRejectedException translated = new RequestRejectedException(e.reason(), said);
        translated.initCause(e);
        return translated;
    }

    /** Counters of the whole engine, other sessions' requests included, after its last step. */
    public EngineStats stats() {
        return thread.stats();
    }

    /** Nanoseconds for which steps of the engine have run in total, for all sessions. */
    public long stepNanos() {
        return thread.stepNanos();
    }

    /**
     * Sets the wake-up, which the engine thread runs when there are events to drain; runs it at
     * once if there are some already. It must not block and not throw.
     */
    public void onEvents(Runnable wakeUp) {
        Objects.requireNonNull(wakeUp);
        synchronized (lock) {
            this.wakeUp = wakeUp;
            woken = false;
        }
        wake();
    }

    /** Submits a request and returns its ticket, unique in this JVM's engine. */
    public long submit(GenerationRequest request) {
        return submit(request, null, false);
    }

    /**
     * Submits a request and returns its ticket, unique in this JVM's engine.
     *
     * @param tag passed to the {@link FaultListener} if the engine fails in a step with this
     *     request
     * @param alone whether the engine must have no other request, of any session, while it runs
     *     this
     */
    public long submit(GenerationRequest request, Object tag, boolean alone) {
        return thread.submit(this, request, tag, alone);
    }

    /**
     * Sets the listener of engine failures, which is called before {@link #drain} throws in any
     * session.
     */
    public void onFault(FaultListener listener) {
        synchronized (lock) {
            faultListener = Objects.requireNonNull(listener);
        }
    }

    /** Cancels a request. Its events that are already in the outbox may still be drained. */
    public void cancel(long ticket) {
        thread.cancel(this, ticket);
    }

    /**
     * Passes all events to {@code listener} in their order; never waits for a step.
     *
     * @throws EngineFailedException the engine is dead; thrown after the events before
     * @throws Error the cause of the failure, unwrapped, so that Flink recognizes a fatal one
     */
    public void drain(SessionListener listener) {
        Outbox full;
        Throwable died;
        synchronized (lock) {
            full = filling;
            filling = spare;
            spare = null;
            woken = false;
            died = failure;
        }
        try {
            full.tell(listener);
        } finally {
            full.clear();
            synchronized (lock) {
                spare = full;
            }
        }
        if (died instanceof Error error) {
            throw error;
        }
        if (died != null) {
            throw new EngineFailedException(died);
        }
    }

    /**
     * Cancels the remaining requests and releases the engine; if this was the last session, waits
     * until the engine is closed, and throws what closing it threw.
     */
    @Override
    public void close() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            wakeUp = null;
        }
        constraints.forEach(this::release);
        thread.unregister(this);
        shared.release();
    }

    /** Adds to the outbox. Engine thread. */
    void add(int kind, long ticket, int tokenId, long timeMs, Object payload) {
        synchronized (lock) {
            if (!closed) {
                filling.add(kind, ticket, tokenId, timeMs, payload);
            }
        }
    }

    /**
     * Reports a failure of the engine, and this session's requests in its last step. Engine thread
     * or watchdog.
     */
    void reportFault(List<Object> suspects, boolean alone, Throwable cause) {
        FaultListener told;
        synchronized (lock) {
            told = closed ? null : faultListener;
        }
        if (told != null) {
            try {
                told.onFault(suspects, alone, cause);
            } catch (RuntimeException | LinkageError e) {
                // The owner must see the engine's own failure.
                cause.addSuppressed(e);
            }
        }
    }

    /** Notes that the engine is dead. Engine thread or watchdog. */
    void fail(Throwable cause) {
        synchronized (lock) {
            failure = cause;
        }
        wake();
    }

    /**
     * Runs the wake-up if there are events that the owner has not been woken for. Engine thread.
     */
    void wake() {
        synchronized (lock) {
            if (closed || woken || wakeUp == null || (filling.isEmpty() && failure == null)) {
                return;
            }
            woken = true;
            // The lock is held, so that close() cannot return during the call.
            wakeUp.run();
        }
    }
}
