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
 * Threads that work through the pieces of tensors, behind the thread that asks for them: while it
 * prepares the next tensor, the others do the last one. The asking thread helps when it is too far
 * ahead.
 *
 * @param <W> what each thread has to itself
 */
public final class PieceThreads<W> implements AutoCloseable {
    /** What may be asked for and not yet done: enough to keep the others busy meanwhile. */
    private static final long AHEAD_BYTES = 64 << 20;

    /** Pieces that belong together, in units. Closed once all of them are done, by any thread. */
    public interface Job<W> extends Closeable {

        /** Number of units. */
        int units();

        /** Bytes of a unit, about. */
        long unitBytes();

        /**
         * Does one unit. Called by any thread, for many units at once, once for each.
         *
         * @param own what the calling thread has to itself
         */
        void run(int unit, W own) throws IOException;
    }

    /** How far a job is. */
    private static final class Course<W> {
        final Job<W> job;
        final int units;
        int next;
        int done;

        Course(Job<W> job) {
            this.job = job;
            units = job.units();
        }
    }

    private final Supplier<W> owned;
    private final List<Thread> helpers = new ArrayList<>();

    /** Of the asking thread. */
    private final W ofAsker;

    /** Guards what follows. */
    private final Object lock = new Object();

    /** Jobs with units that nobody has begun. */
    private final Queue<Course<W>> begun = new ArrayDeque<>();

    /** Jobs with units that are not done. */
    private final Set<Course<W>> open = new HashSet<>();

    private long aheadBytes;
    private boolean ended;
    private Throwable failure;

    /**
     * @param threads the asking one included
     * @param owned makes what a thread has to itself
     */
    public PieceThreads(int threads, Supplier<W> owned) {
        this.owned = owned;
        ofAsker = owned.get();
        try {
            for (int i = 1; i < threads; i++) {
                Thread helper = new Thread(this::help, "millrace-load-" + i);
                helper.setDaemon(true);
                helper.start();
                helpers.add(helper);
            }
        } catch (Throwable t) {
            // No more threads are to be had: those that run would wait for ever.
            Scope started = new Scope();
            started.add(this);
            started.closeAfter(t);
            throw t;
        }
    }

    /** What the asking thread has to itself; not while it is in a method of this class. */
    public W ofAsker() {
        return ofAsker;
    }

    /**
     * Has a job done; may return before it is.
     *
     * @throws IOException what befell this or an earlier job
     */
    public void run(Job<W> job) throws IOException {
        Course<W> course = new Course<>(job);
        synchronized (lock) {
            begun.add(course);
            open.add(course);
            aheadBytes += course.units * job.unitBytes();
            lock.notifyAll();
        }
        while (isFarAhead() && runOne(ofAsker)) {}
        rethrow();
    }

    /** Returns when all that was asked for is done. */
    public void finish() throws IOException {
        while (runOne(ofAsker)) {}
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
                        // Only close() ends this thread.
                    }
                }
                if (ended) {
                    return;
                }
            }
            runOne(own);
        }
    }

    /** Does one unit; false if there is none to begin. */
    private boolean runOne(W own) {
        Course<W> course;
        int unit;
        synchronized (lock) {
            course = begun.peek();
            if (course == null || failure != null) {
                return false;
            }
            unit = course.next++;
            if (course.next == course.units) {
                begun.remove();
            }
        }
        try {
            course.job.run(unit, own);
            done(course);
        } catch (IOException | RuntimeException | Error e) {
            fail(e);
        }
        return true;
    }

    private void done(Course<W> course) throws IOException {
        boolean last;
        synchronized (lock) {
            aheadBytes -= course.job.unitBytes();
            last = ++course.done == course.units;
        }
        if (last) {
            // Others have left what they found before they took the lock.
            course.job.close();
            synchronized (lock) {
                open.remove(course);
                lock.notifyAll();
            }
        }
    }

    /** Keeps the first failure; nothing more is begun. */
    private void fail(Throwable cause) {
        synchronized (lock) {
            if (failure == null) {
                failure = cause;
            }
            begun.clear();
            lock.notifyAll();
        }
    }

    /** Ends the threads; what is not yet done is left. */
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
        for (Course<W> course : open) {
            course.job.close();
        }
        open.clear();
    }
}
