package io.millrace.gpu.backend.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A team of threads that share out numbered tasks; the calling thread is one of them.
 *
 * <p>Whoever is free takes the next number, so a thread that the machine has descheduled holds up
 * nothing but the task it is in. Which thread computes what has no influence on any bit. Between
 * tasks a thread spins for a moment, since the next op of a step follows within microseconds, and
 * then parks.
 *
 * <pre>
 * ticket   | run number : 32 | next task : 32 |    a task is taken by one compare-and-set
 * </pre>
 */
final class Workers implements AutoCloseable {
    private static final long SPIN_NANOS = 50_000;
    private static final int SPINS_PER_CLOCK = 64;

    /** One run's work; {@code worker} is less than {@link #size} and runs one task at a time. */
    @FunctionalInterface
    interface Task {
        void run(int task, int worker);
    }

    private final Member[] members;
    private final AtomicLong ticket = new AtomicLong();
    private final AtomicInteger done = new AtomicInteger();

    // Written before the ticket of their run is published, constant until all its tasks are done.
    private Task body;
    private int limit;

    private volatile Throwable failure;
    private volatile boolean closed;

    Workers(int threads) {
        members = new Member[threads - 1];
        for (int i = 0; i < members.length; i++) {
            members[i] = new Member(i + 1);
            members[i].start();
        }
    }

    /** Threads, the caller included. */
    int size() {
        return members.length + 1;
    }

    /** Runs tasks 0 to {@code tasks - 1} and returns when all are done. */
    void run(int tasks, Task task) {
        if (closed) {
            throw new IllegalStateException("The CPU backend is closed.");
        }
        if (tasks <= 1 || members.length == 0) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
            return;
        }
        body = task;
        limit = tasks;
        done.set(0);
        long run = (ticket.get() >>> 32) + 1;
        ticket.set(run << 32);
        for (int i = 0; i < Math.min(members.length, tasks - 1); i++) {
            members[i].wake();
        }
        takeTasks(run, 0);
        for (int spins = 0; done.get() < tasks; spins++) {
            if (spins < 20_000) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        body = null;
        if (failure != null) {
            Throwable t = failure;
            failure = null;
            if (t instanceof Error e) {
                throw e;
            }
            throw (RuntimeException) t;
        }
    }

    // The ticket still being the one read proves that body and limit, read in between, were this
    // run's: the caller does not touch them before every taken task is done.
    private void takeTasks(long run, int worker) {
        while (true) {
            long now = ticket.get();
            Task task = body;
            int next = (int) now;
            if (now >>> 32 != (run & 0xffffffffL) || next >= limit) {
                return;
            }
            if (ticket.compareAndSet(now, now + 1)) {
                try {
                    task.run(next, worker);
                } catch (RuntimeException | Error e) {
                    failure = e;
                }
                done.incrementAndGet();
            }
        }
    }

    /** Ends the threads. */
    @Override
    public void close() {
        closed = true;
        for (Member member : members) {
            LockSupport.unpark(member);
        }
        boolean interrupted = false;
        for (Member member : members) {
            while (member.isAlive()) {
                try {
                    member.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Member extends Thread {
        private final int worker;
        private volatile boolean parked;

        Member(int worker) {
            super("millrace-cpu-" + worker);
            this.worker = worker;
            setDaemon(true);
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            long seen = 0;
            while (!closed) {
                long run = awaitAfter(seen);
                takeTasks(run, worker);
                seen = run;
            }
        }

        private long awaitAfter(long seen) {
            long deadline = System.nanoTime() + SPIN_NANOS;
            for (int spins = 0; ; spins++) {
                long run = ticket.get() >>> 32;
                if (run != seen || closed) {
                    return run;
                }
                if (spins % SPINS_PER_CLOCK == 0 && System.nanoTime() > deadline) {
                    break;
                }
                Thread.onSpinWait();
            }
            parked = true;
            try {
                while (true) {
                    long run = ticket.get() >>> 32;
                    if (run != seen || closed) {
                        return run;
                    }
                    LockSupport.park(this);
                }
            } finally {
                parked = false;
            }
        }
    }
}
