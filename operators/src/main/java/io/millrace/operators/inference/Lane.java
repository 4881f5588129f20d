package io.millrace.operators.inference;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** A single thread beside the mailbox thread, which runs its tasks in order. */
public final class Lane implements AutoCloseable {
    /** Maximum time that closing waits for the running task. */
    private static final long PATIENCE_SECONDS = 10;

    /** Time after which an idle lane ends its thread. */
    private static final long IDLE_SECONDS = 30;

    private final ThreadPoolExecutor executor;

    public Lane(String name) {
        executor =
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
        executor.allowCoreThreadTimeOut(true);
    }

    /**
     * @param task must not throw
     */
    public void execute(Runnable task) {
        executor.execute(task);
    }

    /** Whether no task waits; one may be running. */
    boolean isEmpty() {
        return executor.getQueue().isEmpty();
    }

    /** Drops waiting tasks; further ones are refused with an exception. */
    public void stop() {
        executor.shutdownNow();
    }

    /** Drops waiting tasks, and waits for the running one. */
    @Override
    public void close() {
        stop();
        try {
            executor.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            // The Flink task is being cancelled: the thread that still runs holds none of its
            // resources.
            Thread.currentThread().interrupt();
        }
    }
}
