package io.millrace.operators.inference;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** One thread beside the mailbox thread, which does what it is given in order. */
public final class Lane implements AutoCloseable {
    /** The longest that closing waits for what is being done. */
    private static final long PATIENCE_SECONDS = 10;

    /** A lane without work gives its thread back. */
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
     * @param task throws nothing
     */
    public void execute(Runnable task) {
        executor.execute(task);
    }

    /** Drops what waits, and takes nothing more. */
    public void stop() {
        executor.shutdownNow();
    }

    /** Drops what waits, and waits for what is being done. */
    @Override
    public void close() {
        stop();
        try {
            executor.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            // The task is being cancelled: what runs is a thread that holds nothing of it.
            Thread.currentThread().interrupt();
        }
    }
}
