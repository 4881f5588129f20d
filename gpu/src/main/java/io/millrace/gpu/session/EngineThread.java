package io.millrace.gpu.session;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.common.RunningTime;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.EngineLoader;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The engine thread: loads one engine, takes requests from its inbox, runs steps, adds events to
 * the sessions' outboxes and closes the engine at its end. Only this thread uses the engine's
 * schedule; other threads use the inbox.
 *
 * <p>A step that fails is the engine's last: its KV blocks may hold anything. The engine reports to
 * each session its requests in that step, then fails all requests, and the next acquisition loads a
 * new engine. A step that does not end is stopped by the {@link Watchdog}; one that cannot be
 * stopped is left to itself, and the sessions fail with an {@link InternalError}: it ends the JVM.
 *
 * <pre>
 *   any thread             engine thread                              mailbox thread
 *   submit, cancel ──> inbox ──> Engine.add ─> Engine.step ──> outbox ──> drain
 *                                    ^______________|            └─ wake-up, once a step with events
 * </pre>
 */
final class EngineThread extends Thread {
    /** What another thread wants; a null request is a cancellation, of all if the ticket is 0. */
    record Command(
            EngineSession session,
            long ticket,
            GenerationRequest request,
            Object tag,
            boolean alone) {}

    private final EngineOptions options;
    private final Duration stepTimeout;
    private final Runnable onEnd;
    private EngineLoader loader;
    private final CompletableFuture<Engine> loaded = new CompletableFuture<>();
    private final AtomicLong nextTicket = new AtomicLong(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final PublishedStats stats = new PublishedStats();
    private final RunningTime steps;

    /** What closing the engine threw, where no failure of a step was told before. */
    private volatile Throwable closeFailure;

    /** Number of the step that runs; 0 between two. */
    private volatile long runningStep;

    /** The watchdog has asked the running step to end. */
    private volatile boolean stopped;

    /** The watchdog has given up on this thread: it may never end, and has no say any more. */
    private volatile boolean abandoned;

    /** Guards what follows. */
    private final Object lock = new Object();

    private List<Command> inbox = new ArrayList<>();
    private final Set<EngineSession> sessions = new HashSet<>();
    private boolean ending;
    private Throwable failure;

    /** Engine thread only, but for a fault that the watchdog tells. */
    private final SessionRequests requests = new SessionRequests();

    /**
     * @param stepTimeout most time for one step; zero for any
     * @param onEnd run once, when no session may join any more
     */
    EngineThread(EngineOptions options, EngineLoader loader, Duration stepTimeout, Runnable onEnd) {
        this(options, loader, stepTimeout, onEnd, new RunningTime());
    }

    /**
     * @param steps counts the time of the steps
     */
    EngineThread(
            EngineOptions options,
            EngineLoader loader,
            Duration stepTimeout,
            Runnable onEnd,
            RunningTime steps) {
        super("millrace-engine-" + options.modelName());
        this.steps = steps;
        this.options = options;
        this.stepTimeout = stepTimeout;
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
        return stats.get();
    }

    long stepNanos() {
        return steps.nanos();
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

    /**
     * What closing the engine threw; null for nothing, and for what was told already. Once the
     * thread has ended.
     */
    Throwable closeFailure() {
        return closeFailure;
    }

    /** Waits until the engine is closed, or given up. */
    void awaitEnd() throws InterruptedException {
        ended.await();
        if (!abandoned) {
            join();
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
            inbox.add(new Command(session, 0, null, null, false));
            lock.notifyAll();
        }
    }

    long submit(EngineSession session, GenerationRequest request, Object tag, boolean alone) {
        long ticket = nextTicket.getAndIncrement();
        put(new Command(session, ticket, Objects.requireNonNull(request), tag, alone));
        return ticket;
    }

    void cancel(EngineSession session, long ticket) {
        put(new Command(session, ticket, null, null, false));
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
            end(false);
        }
    }

    /** Lets others have a new engine. */
    private void end(boolean abandon) {
        synchronized (lock) {
            if (ended.getCount() == 0) {
                return;
            }
            abandoned = abandon;
            ended.countDown();
        }
        onEnd.run();
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
        stats.set(engine.stats());
        Watchdog watchdog = watch(engine);
        loaded.complete(engine);
        try {
            serve(engine);
        } catch (Throwable t) {
            if (!abandoned) {
                Throwable cause = stopped ? new StepTimeoutException(stepTimeout.toMillis(), t) : t;
                fail(engine, cause);
            }
        } finally {
            if (watchdog != null) {
                watchdog.end();
            }
            close(engine);
        }
    }

    /** Nobody hears of what this thread throws: it is for the failure, or for who closes last. */
    private void close(Engine engine) {
        try {
            engine.close();
        } catch (Throwable t) {
            Throwable told;
            synchronized (lock) {
                told = failure;
            }
            if (told == null) {
                closeFailure = t;
            } else {
                suppress(told, t);
            }
        }
    }

    private void serve(Engine engine) {
        List<Command> commands = take(engine.hasWork());
        long number = 0;
        while (commands != null) {
            for (Command command : commands) {
                requests.execute(engine, command);
            }
            requests.admit(engine);
            if (engine.hasWork()) {
                runningStep = ++number;
                steps.begin();
                try {
                    engine.step(requests);
                } finally {
                    steps.end();
                    // Telling of a step that failed is not part of it: that may take its time.
                    runningStep = 0;
                }
            }
            if (abandoned) {
                return;
            }
            requests.admit(engine);
            stats.set(engine.stats());
            requests.wakeSessions();
            commands = take(engine.hasWork());
        }
    }

    private Watchdog watch(Engine engine) {
        if (stepTimeout.isZero()) {
            return null;
        }
        Watchdog watchdog =
                new Watchdog(
                        "millrace-watchdog-" + options.modelName(),
                        stepTimeout,
                        () -> runningStep,
                        () -> {
                            stopped = true;
                            return engine.stopStep();
                        },
                        () -> giveUp(engine));
        watchdog.start();
        return watchdog;
    }

    /** Watchdog: this thread is stuck in a step that nothing can end but the end of the JVM. */
    private void giveUp(Engine engine) {
        InternalError cause =
                new InternalError(
                        "A step did not end within --step-timeout of "
                                + stepTimeout.toMillis()
                                + " ms, nor when it was stopped: this process cannot go on.");
        StackTraceElement[] where = getStackTrace();
        if (where.length > 0) {
            cause.setStackTrace(where);
        }
        end(true);
        fail(engine, cause);
    }

    /** The sessions end whatever becomes of telling them why. */
    private void fail(Engine engine, Throwable cause) {
        try {
            requests.reportFault(engine, cause);
        } catch (Throwable t) {
            suppress(cause, t);
        } finally {
            fail(cause);
        }
    }

    private static void suppress(Throwable cause, Throwable t) {
        if (t != cause) {
            cause.addSuppressed(t);
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

    /** Tells every session, once; sessions that come later are told as they register. */
    private void fail(Throwable cause) {
        List<EngineSession> told;
        synchronized (lock) {
            failure = cause;
            inbox.clear();
            told = List.copyOf(sessions);
        }
        for (EngineSession session : told) {
            try {
                session.fail(cause);
            } catch (Throwable t) {
                // A wake-up that throws must not keep the others from ending.
                suppress(cause, t);
            }
        }
    }
}
