package io.millrace.gpu.session;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.engine.EngineLoader;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Keeps one engine per set of options in a JVM, with a reference count of its sessions. The first
 * session loads it, the last release closes it and joins its thread. Safe for any thread.
 *
 * <p>This is the only static state: subtasks and jobs of a JVM share a device, and Flink gives each
 * job a class loader of its own, so the registry must be in the parent loader, as the engine is. An
 * entry exists only while it has a session, so no object of a job outlives the job.
 */
public final class SharedEngine {

    /**
     * The options and the loader's class, which separates tests; the loader is referenced only
     * while it loads. Sessions share an engine whatever names their errors use for the options.
     */
    private record Key(EngineOptions options, Class<?> loader) {
        Key {
            options = options.withNames(OptionNames.COMMAND_LINE);
        }
    }

    private static final Object LOCK = new Object();
    private static final Map<Key, SharedEngine> OPEN = new HashMap<>();

    private final Key key;
    private final EngineThread thread;
    private int sessions;

    private SharedEngine(Key key, EngineLoader loader, Duration stepTimeout) {
        this.key = key;
        this.thread = new EngineThread(key.options(), loader, stepTimeout, this::forget);
    }

    /** Opens a session on an engine without a limit on the time of a step. */
    public static EngineSession acquire(EngineOptions options, EngineLoader loader)
            throws IOException, InterruptedException {
        return acquire(options, loader, Duration.ZERO);
    }

    /**
     * Opens a session on the engine of these options and waits until it is loaded.
     *
     * @param stepTimeout most time for one step, zero for no limit; the first session's applies to
     *     all
     * @throws IOException the model could not be loaded; the next call tries again
     * @throws InterruptedException the caller was interrupted while waiting; it has no session
     */
    public static EngineSession acquire(
            EngineOptions options, EngineLoader loader, Duration stepTimeout)
            throws IOException, InterruptedException {
        Key key = new Key(options, loader.getClass());
        SharedEngine shared;
        while (true) {
            EngineThread dying;
            synchronized (LOCK) {
                shared = OPEN.get(key);
                if (shared == null) {
                    shared = new SharedEngine(key, loader, stepTimeout);
                    OPEN.put(key, shared);
                    shared.sessions++;
                    shared.thread.start();
                    break;
                }
                if (!shared.thread.isEnding()) {
                    shared.sessions++;
                    break;
                }
                dying = shared.thread;
            }
            // Two engines might not fit on the device, so this waits until the old one is closed.
            dying.awaitEnd();
        }
        EngineSession session = new EngineSession(shared, shared.thread, options.names());
        try {
            session.awaitLoaded();
            shared.thread.register(session);
            return session;
        } catch (IOException | RuntimeException | Error e) {
            try {
                shared.release();
            } catch (RuntimeException | Error closing) {
                if (closing != e) {
                    e.addSuppressed(closing);
                }
            }
            throw e;
        } catch (InterruptedException e) {
            shared.abandon();
            throw e;
        }
    }

    /** Number of engines open or opening in this JVM. */
    public static int count() {
        synchronized (LOCK) {
            return OPEN.size();
        }
    }

    /**
     * Releases a session; the last one waits until the engine is closed.
     *
     * @throws RuntimeException what closing the engine threw, if this was its last session
     * @throws Error likewise
     */
    void release() {
        if (!leave()) {
            return;
        }
        joinUninterruptibly();
        Throwable thrown = thread.closeFailure();
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException runtime) {
            throw runtime;
        }
        if (thrown != null) {
            throw new IllegalStateException(thrown);
        }
    }

    /** As {@link #release}, without waiting, because the loader may take minutes. */
    private void abandon() {
        if (leave()) {
            thread.interrupt();
        }
    }

    /** Decrements the count; whether the caller was the last. */
    private boolean leave() {
        synchronized (LOCK) {
            sessions--;
            if (sessions > 0) {
                return false;
            }
            thread.end();
            return true;
        }
    }

    /** Removes the engine. Last action of the engine thread, or of its watchdog. */
    private void forget() {
        synchronized (LOCK) {
            OPEN.remove(key, this);
        }
    }

    private void joinUninterruptibly() {
        boolean interrupted = false;
        while (true) {
            try {
                thread.awaitEnd();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
