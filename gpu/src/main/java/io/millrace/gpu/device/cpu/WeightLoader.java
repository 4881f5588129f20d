package io.millrace.gpu.device.cpu;

import io.millrace.gpu.tensor.PieceReader;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;

/**
 * Reads, hashes and lays out weights in pieces, behind the thread that asks for them: while it
 * allocates the next matrix (the JVM clears an array by one thread, the system backs it page by
 * page), the others fill the last one. The asking thread helps when it is too far ahead.
 *
 * <p>A piece goes from the file over its hash to its place while it is in the core's cache.
 */
final class WeightLoader implements AutoCloseable {
    /** What may be asked for and not yet laid out: enough to keep the others busy meanwhile. */
    private static final long AHEAD_BYTES = 64 << 20;

    /** Where a piece goes. Called by any thread, for many pieces at once. */
    @FunctionalInterface
    interface Layout {

        /**
         * @param pieces the same piece of each tensor
         * @param length bytes in use of each of them
         * @param firstRow number of rows before it
         */
        void accept(byte[][] pieces, int length, long firstRow) throws IOException;
    }

    /** Tensors of one shape that are read side by side. */
    private static final class Job {
        final List<PieceReader> readers = new ArrayList<>();
        final Layout layout;
        final int pieces;
        int next;
        int done;

        Job(List<Tensor> tensors, Layout layout) throws IOException {
            this.layout = layout;
            for (Tensor tensor : tensors) {
                readers.add(tensor.openPieces());
            }
            pieces = readers.get(0).pieces();
        }

        long pieceBytes() {
            return (long) readers.get(0).pieceBytes() * readers.size();
        }

        /** Leaves each tensor its hash, if all of it was read. */
        void close() throws IOException {
            for (PieceReader reader : readers) {
                reader.close();
            }
        }
    }

    private final List<Thread> helpers = new ArrayList<>();

    /** Of the asking thread. */
    private final byte[][] buffers = new byte[2][0];

    /** Guards what follows. */
    private final Object lock = new Object();

    /** Jobs with pieces that nobody has begun. */
    private final Queue<Job> jobs = new ArrayDeque<>();

    /** Jobs with pieces that are not laid out. */
    private final Set<Job> open = new HashSet<>();

    private long aheadBytes;
    private boolean ended;
    private Throwable failure;

    /**
     * @param threads the asking one included
     */
    WeightLoader(int threads) {
        for (int i = 1; i < threads; i++) {
            Thread helper = new Thread(this::help, "millrace-load-" + i);
            helper.setDaemon(true);
            helper.start();
            helpers.add(helper);
        }
    }

    /**
     * Has tensors of one shape and type read; may return before they are.
     *
     * @throws IOException what befell this or an earlier tensor
     */
    void load(List<Tensor> tensors, Layout layout) throws IOException {
        Job job = new Job(tensors, layout);
        synchronized (lock) {
            jobs.add(job);
            open.add(job);
            aheadBytes += job.pieces * job.pieceBytes();
            lock.notifyAll();
        }
        while (isFarAhead() && runOne(buffers)) {}
        rethrow();
    }

    /** Returns when all that was asked for is laid out. */
    void finish() throws IOException {
        while (runOne(buffers)) {}
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
        byte[][] own = new byte[2][0];
        while (true) {
            synchronized (lock) {
                while (jobs.isEmpty() && !ended) {
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

    /** Does one piece; false if there is none to begin. */
    private boolean runOne(byte[][] own) {
        Job job;
        int piece;
        synchronized (lock) {
            job = jobs.peek();
            if (job == null || failure != null) {
                return false;
            }
            piece = job.next++;
            if (job.next == job.pieces) {
                jobs.remove();
            }
        }
        try {
            int length = 0;
            for (int i = 0; i < job.readers.size(); i++) {
                PieceReader reader = job.readers.get(i);
                if (own[i].length < reader.pieceBytes()) {
                    own[i] = new byte[reader.pieceBytes()];
                }
                length = reader.read(piece, own[i]);
            }
            job.layout.accept(own, length, job.readers.get(0).firstRow(piece));
            done(job);
        } catch (IOException | RuntimeException | Error e) {
            fail(e);
        }
        return true;
    }

    private void done(Job job) throws IOException {
        boolean last;
        synchronized (lock) {
            aheadBytes -= job.pieceBytes();
            last = ++job.done == job.pieces;
        }
        if (last) {
            // Others have left their pieces' hashes before they took the lock.
            job.close();
            synchronized (lock) {
                open.remove(job);
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
            jobs.clear();
            lock.notifyAll();
        }
    }

    /** Ends the threads; what is not yet laid out is left. */
    @Override
    public void close() throws IOException {
        synchronized (lock) {
            ended = true;
            jobs.clear();
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
        for (Job job : open) {
            job.close();
        }
    }
}
