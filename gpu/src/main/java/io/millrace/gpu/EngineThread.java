package io.millrace.gpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The engine thread: loads one engine, takes requests from its inbox, runs steps, hands news to the
 * sessions' outboxes and closes the engine at its end. Only this thread touches the engine's
 * schedule; other threads meet it in the inbox alone.
 *
 * <pre>
 *   any thread             engine thread                              mailbox thread
 *   submit, cancel ──> inbox ──> Engine.add ─> Engine.step ──> outbox ──> drain
 *                                    ^______________|            └─ wake-up, once a step with news
 * </pre>
 */
final class EngineThread extends Thread implements StepListener {
    private static final EngineStats NOTHING = new EngineStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** What another thread wants; a null request is a cancellation, of all if the ticket is 0. */
    private record Command(EngineSession session, long ticket, GenerationRequest request) {}

    /** Whom a handle of the engine belongs to. */
    private record Owner(EngineSession session, long ticket, long handle) {}

    private final EngineOptions options;
    private final Runnable onEnd;
    private EngineLoader loader;
    private final CompletableFuture<Engine> loaded = new CompletableFuture<>();
    private final AtomicLong nextTicket = new AtomicLong(1);
    private volatile EngineStats stats = NOTHING;

    /** Guards what follows. */
    private final Object lock = new Object();

    private List<Command> inbox = new ArrayList<>();
    private final Set<EngineSession> sessions = new HashSet<>();
    private boolean ending;
    private Throwable failure;

    /** Engine thread only. */
    private final Map<Long, Owner> byHandle = new HashMap<>();

    private final Map<Long, Owner> byTicket = new HashMap<>();
    private final Set<EngineSession> withNews = new HashSet<>();

    /**
     * @param onEnd run by this thread as its last act
     */
    EngineThread(EngineOptions options, EngineLoader loader, Runnable onEnd) {
        super("millrace-engine-" + options.modelName());
        this.options = options;
        this.loader = loader;
        this.onEnd = onEnd;
        setDaemon(true);
        // A job's class loader, inherited from the task that came first, would outlive its job.
        setContextClassLoader(EngineThread.class.getClassLoader());
    }

    void awaitLoaded() throws IOException, InterruptedException {
        try {
            loaded.get();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof Error error) {
                throw error;
            }
            throw new IOException(
                    cause instanceof IOException
                            ? cause.getMessage()
                            : "The model in " + options.model() + " could not be loaded: " + cause,
                    cause);
        }
    }

    Engine engine() {
        return loaded.join();
    }

    EngineStats stats() {
        return stats;
    }

    /** Whether no session may join any more. */
    boolean isEnding() {
        synchronized (lock) {
            return ending || failure != null;
        }
    }

    /** Ends the thread after its current step. */
    void end() {
        synchronized (lock) {
            ending = true;
            lock.notifyAll();
        }
    }

    void register(EngineSession session) {
        Throwable died;
        synchronized (lock) {
            sessions.add(session);
            died = failure;
        }
        if (died != null) {
            session.fail(died);
        }
    }

    void unregister(EngineSession session) {
        synchronized (lock) {
            sessions.remove(session);
            inbox.removeIf(command -> command.session() == session);
            inbox.add(new Command(session, 0, null));
            lock.notifyAll();
        }
    }

    long submit(EngineSession session, GenerationRequest request) {
        long ticket = nextTicket.getAndIncrement();
        put(new Command(session, ticket, Objects.requireNonNull(request)));
        return ticket;
    }

    void cancel(EngineSession session, long ticket) {
        put(new Command(session, ticket, null));
    }

    private void put(Command command) {
        synchronized (lock) {
            // A closed session has no wishes any more.
            if (sessions.contains(command.session())) {
                inbox.add(command);
                lock.notifyAll();
            }
        }
    }

    @Override
    public void run() {
        try {
            live();
        } finally {
            onEnd.run();
        }
    }

    private void live() {
        Engine engine;
        try {
            engine = loader.load(options);
        } catch (Throwable t) {
            fail(t);
            loaded.completeExceptionally(t);
            return;
        } finally {
            loader = null;
        }
        stats = engine.stats();
        loaded.complete(engine);
        try {
            List<Command> commands = take(engine.hasWork());
            while (commands != null) {
                for (Command command : commands) {
                    obey(engine, command);
                }
                if (engine.hasWork()) {
                    engine.step(this);
                }
                stats = engine.stats();
                for (EngineSession session : withNews) {
                    session.wake();
                }
                withNews.clear();
                commands = take(engine.hasWork());
            }
        } catch (Throwable t) {
            fail(t);
        } finally {
            engine.close();
        }
    }

    /** The inbox; waits for it unless there is work. Null is the end. */
    private List<Command> take(boolean work) {
        synchronized (lock) {
            while (!ending && !work && inbox.isEmpty()) {
                try {
                    lock.wait();
                } catch (InterruptedException e) {
                    // Only end() ends this thread: an interrupt is meant for a loader in its I/O.
                }
            }
            if (ending) {
                return null;
            }
            if (inbox.isEmpty()) {
                return List.of();
            }
            List<Command> taken = inbox;
            inbox = new ArrayList<>();
            return taken;
        }
    }

    private void obey(Engine engine, Command command) {
        EngineSession session = command.session();
        if (command.request() != null) {
            try {
                long handle = engine.add(command.request());
                Owner owner = new Owner(session, command.ticket(), handle);
                byHandle.put(handle, owner);
                byTicket.put(command.ticket(), owner);
                session.add(Outbox.ADMITTED, command.ticket(), 0, now(), null);
            } catch (RequestRejectedException | RuntimeException e) {
                session.add(Outbox.FAILED, command.ticket(), 0, now(), e);
                withNews.add(session);
            }
        } else if (command.ticket() != 0) {
            Owner owner = byTicket.remove(command.ticket());
            if (owner != null) {
                byHandle.remove(owner.handle());
                engine.cancel(owner.handle());
            }
        } else {
            withNews.remove(session);
            byTicket.values()
                    .removeIf(
                            owner -> {
                                boolean gone = owner.session() == session;
                                if (gone) {
                                    byHandle.remove(owner.handle());
                                    engine.cancel(owner.handle());
                                }
                                return gone;
                            });
        }
    }

    @Override
    public void onToken(long handle, int completion, int tokenId) {
        Owner owner = byHandle.get(handle);
        owner.session().add(completion, owner.ticket(), tokenId, now(), null);
        withNews.add(owner.session());
    }

    @Override
    public void onFinished(long handle, GenerationResult result) {
        Owner owner = byHandle.remove(handle);
        byTicket.remove(owner.ticket());
        owner.session().add(Outbox.FINISHED, owner.ticket(), 0, now(), result);
        withNews.add(owner.session());
    }

    @Override
    public void onFailed(long handle, String reason) {
        Owner owner = byHandle.remove(handle);
        byTicket.remove(owner.ticket());
        owner.session()
                .add(Outbox.FAILED, owner.ticket(), 0, now(), new IllegalStateException(reason));
        withNews.add(owner.session());
    }

    private static long now() {
        return System.currentTimeMillis();
    }

    /** Tells every session, once; sessions that come later are told as they register. */
    private void fail(Throwable cause) {
        List<EngineSession> told;
        synchronized (lock) {
            failure = cause;
            told = List.copyOf(sessions);
        }
        for (EngineSession session : told) {
            session.fail(cause);
        }
    }
}
