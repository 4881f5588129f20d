package io.millrace.gpu.tensor;

import io.millrace.gpu.common.Scope;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Worker threads for pieces of tensors. They process a tensor while the calling thread prepares the
 * next one. The calling thread helps when it is too far ahead.
 *
 * @param <W> state of each thread
 */
public final class PieceThreads<W> implements AutoCloseable {
    /** Maximum bytes submitted and not done: enough to keep the workers busy. */
    private static final long AHEAD_BYTES = 64 << 20;

    /** A set of units of work. Closed by any thread once all are done. */
    public interface Job<W> extends Closeable {

        /** Number of units. */
        int units();

        /** Approximate bytes of a unit. */
        long unitBytes();

        /**
         * Processes one unit. Called by any thread, once per unit, for several units at the same
         * time.
         *
         * @param own state of the calling thread
         */
        void run(int unit, W own) throws IOException;
    }

    /** Progress of a job. */
    private static final class Progress<W> {
        final Job<W> job;
        final int units;
        int next;
        int done;

        Progress(Job<W> job) {
            this.job = job;
            units = job.units();
        }
    }

    private final Supplier<W> owned;
    private final List<Thread> helpers = new ArrayList<>();

    /** State of the calling thread. */
    private final W ofCaller;

    /** Guards the fields below. */
    private final Object lock = new Object();

    /** Jobs with units that no thread has begun. */
    private final Queue<Progress<W>> begun = new ArrayDeque<>();

    /** Jobs with units that are not done. */
    private final Set<Progress<W>> open = new HashSet<>();

    private long aheadBytes;
    private boolean ended;
    private Throwable failure;

    /**
     * @param threads number of threads, the calling one included
     * @param owned makes the state of a thread
     */
    public PieceThreads(int threads, Supplier<W> owned) {
        this.owned = owned;
        ofCaller = owned.get();
        try {
            for (int i = 1; i < threads; i++) {
                Thread helper = new Thread(this::help, "millrace-load-" + i);
                helper.setDaemon(true);
                helper.start();
                helpers.add(helper);
            }
        } catch (Throwable t) {
            // The system refuses another thread: end those that run, which would wait for ever.
            Scope started = new Scope();
            started.add(this);
            started.closeAfter(t);
            throw t;
        }
    }

    /** State of the calling thread; not to be used during a method of this class. */
    public W ofCaller() {
        return ofCaller;
    }

    /**
     * Submits a job; may return before it is done.
     *
     * @throws IOException the failure of this or an earlier job
     */
    public void run(Job<W> job) throws IOException {
        Progress<W> progress = new Progress<>(job);
        synchronized (lock) {
            begun.add(progress);
            open.add(progress);
            aheadBytes += progress.units * job.unitBytes();
            lock.notifyAll();
        }
        while (isFarAhead() && runOne(ofCaller)) {}
        rethrow();
    }

    /** Waits until all jobs are done. */
    public void finish() throws IOException {
        while (runOne(ofCaller)) {}
        synchronized (lock) {
            boolean interrupted = false;
            while (!open.isEmpty() && failure == null) {
                try {
                    lock.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        rethrow();
    }

    private boolean isFarAhead() {
        synchronized (lock) {
            return aheadBytes > AHEAD_BYTES;
        }
    }

    private void rethrow() throws IOException {
        Throwable cause;
        synchronized (lock) {
            cause = failure;
        }
        if (cause instanceof IOException e) {
            throw e;
        }
        if (cause instanceof Error e) {
            throw e;
        }
        if (cause != null) {
            throw (RuntimeException) cause;
        }
    }

    private void help() {
        W own = owned.get();
        while (true) {
            synchronized (lock) {
                while (begun.isEmpty() && !ended) {
                    try {
                        lock.wait();
                    } catch (InterruptedException e) {
                        // Ends by close() only.
                    }
                }
                if (ended) {
                    return;
                }
            }
            runOne(own);
        }
    }

    /** Processes one unit; false if there is none to begin. */
    private boolean runOne(W own) {
        Progress<W> progress;
        int unit;
        synchronized (lock) {
            progress = begun.peek();
            if (progress == null || failure != null) {
                return false;
            }
            unit = progress.next++;
            if (progress.next == progress.units) {
                begun.remove();
            }
        }
        try {
            progress.job.run(unit, own);
            done(progress);
        } catch (IOException | RuntimeException | Error e) {
            fail(e);
        }
        return true;
    }

    private void done(Progress<W> progress) throws IOException {
        boolean last;
        synchronized (lock) {
            aheadBytes -= progress.job.unitBytes();
            last = ++progress.done == progress.units;
        }
        if (last) {
            // Each thread stores its result before it takes the lock, so all results are visible
            // here.
            progress.job.close();
            synchronized (lock) {
                open.remove(progress);
                lock.notifyAll();
            }
        }
    }

    /** Keeps the first failure, after which no unit is begun. */
    private void fail(Throwable cause) {
        synchronized (lock) {
            if (failure == null) {
                failure = cause;
            }
            begun.clear();
            lock.notifyAll();
        }
    }

    /** Ends the threads; units that are not done are abandoned. */
    @Override
    public void close() throws IOException {
        synchronized (lock) {
            ended = true;
            begun.clear();
            lock.notifyAll();
        }
        boolean interrupted = false;
        for (Thread helper : helpers) {
            while (helper.isAlive()) {
                try {
                    helper.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        for (Progress<W> progress : open) {
            progress.job.close();
        }
        open.clear();
    }
}
