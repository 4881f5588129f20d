package io.millrace.gpu.session;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.Tokenizer;
import java.io.IOException;
import java.util.List;
import java.util.Objects;

/**
 * One owner's view of a shared engine: gives it requests and collects what became of them. Any
 * thread submits, cancels and closes; one thread at a time drains.
 *
 * <p>The engine thread fills an outbox and runs the wake-up once for a step that brought news, and
 * not again before the owner has drained. After {@link #close} nothing is called back.
 */
public final class EngineSession implements AutoCloseable {
    private final SharedEngine shared;
    private final EngineThread thread;
    private final OptionNames names;

    /** Guards what follows; held for a few copies only. */
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

    /**
     * Sets what the engine thread runs when there is something to drain; at once where there
     * already is. It must not block and not throw.
     */
    public void onNews(Runnable wakeUp) {
        Objects.requireNonNull(wakeUp);
        synchronized (lock) {
            this.wakeUp = wakeUp;
            woken = false;
        }
        wake();
    }

    /** Hands a request over and returns its ticket, unique in this JVM's engine. */
    public long submit(GenerationRequest request) {
        return submit(request, null, false);
    }

    /**
     * Hands a request over and returns its ticket, unique in this JVM's engine.
     *
     * @param tag told to the {@link FaultListener} if the engine fails in a step with this request
     * @param alone whether the engine shall have nothing else, of any session, while it runs this
     */
    public long submit(GenerationRequest request, Object tag, boolean alone) {
        return thread.submit(this, request, tag, alone);
    }

    /** Sets who is told of an engine's failure, before {@link #drain} throws anywhere. */
    public void onFault(FaultListener listener) {
        synchronized (lock) {
            faultListener = Objects.requireNonNull(listener);
        }
    }

    /** Forgets a request. News of it that is already in the outbox may still be drained. */
    public void cancel(long ticket) {
        thread.cancel(this, ticket);
    }

    /**
     * Tells {@code listener} all news in the order in which it came; never waits for a step.
     *
     * @throws EngineFailedException the engine is dead; thrown after the news that came before
     * @throws Error what killed the engine, unwrapped, so that Flink can tell a fatal one
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
     * Cancels what is left and gives the engine back; waits for its end if it was the last, and
     * throws what closing the engine threw.
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
        thread.unregister(this);
        shared.release();
    }

    /** Engine thread: adds to the outbox. */
    void add(int kind, long ticket, int tokenId, long timeMs, Object payload) {
        synchronized (lock) {
            if (!closed) {
                filling.add(kind, ticket, tokenId, timeMs, payload);
            }
        }
    }

    /** Engine thread or watchdog: the engine is dying, and these were in its last step. */
    void tellFault(List<Object> suspects, boolean alone, Throwable cause) {
        FaultListener told;
        synchronized (lock) {
            told = closed ? null : faultListener;
        }
        if (told != null) {
            try {
                told.onFault(suspects, alone, cause);
            } catch (RuntimeException | LinkageError e) {
                // The engine's own failure is what the owner must hear of.
                cause.addSuppressed(e);
            }
        }
    }

    /** Engine thread or watchdog: the engine is dead. */
    void fail(Throwable cause) {
        synchronized (lock) {
            failure = cause;
        }
        wake();
    }

    /** Engine thread: runs the wake-up if there is news that the owner does not know of. */
    void wake() {
        synchronized (lock) {
            if (closed || woken || wakeUp == null || (filling.isEmpty() && failure == null)) {
                return;
            }
            woken = true;
            // Under the lock, so that close() cannot return while a call is on its way.
            wakeUp.run();
        }
    }
}
