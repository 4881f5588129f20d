package io.millrace.gpu.device.cpu;

import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread pool that divides numbered tasks among its threads; the calling thread is one of them.
 *
 * <p>A free thread takes the next number, so a thread that the operating system has descheduled
 * delays the task it is in and no other. No bit depends on which thread runs a task. Between runs a
 * thread spins for a moment, since the next op of a step follows within microseconds, and then
 * parks.
 */
final class Workers implements AutoCloseable {
    private static final long SPIN_NANOS = 50_000;
    private static final int SPINS_PER_CLOCK = 64;
    private static final int SPINS_BEFORE_YIELD = 20_000;

    /** The work of a run; {@code worker} is less than {@link #size} and runs one task at a time. */
    @FunctionalInterface
    interface Task {
        void run(int task, int worker);
    }

    /**
     * The tasks of one run. Each run has its own object, so that a late thread that still refers to
     * a finished run finds its numbers used up, and cannot take one of a later run.
     */
    private final class Run {
        final Task body;
        final int tasks;
        final AtomicInteger next = new AtomicInteger();
        final AtomicInteger done = new AtomicInteger();
        volatile Throwable failure;

        Run(Task body, int tasks) {
            this.body = body;
            this.tasks = tasks;
        }

        void takeTasks(int worker) {
            for (int task; (task = next.getAndIncrement()) < tasks; ) {
                try {
                    checkNotStopped();
                    body.run(task, worker);
                } catch (RuntimeException | Error e) {
                    failure = e;
                }
                done.incrementAndGet();
            }
        }
    }

    private final Member[] members;
    private volatile Run current;
    private volatile boolean closed;
    private volatile boolean stopped;

    Workers(int threads) {
        members = new Member[threads - 1];
        for (int i = 0; i < members.length; i++) {
            members[i] = new Member(i + 1);
            members[i].start();
        }
    }

    /** Number of threads, the caller's included. */
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
                checkNotStopped();
                task.run(i, 0);
            }
            return;
        }
        Run run = new Run(task, tasks);
        current = run;
        for (int i = 0; i < Math.min(members.length, tasks - 1); i++) {
            members[i].wake();
        }
        run.takeTasks(0);
        for (int spins = 0; run.done.get() < tasks; spins++) {
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        if (run.failure instanceof Error e) {
            throw e;
        }
        if (run.failure != null) {
            throw (RuntimeException) run.failure;
        }
    }

    /** Makes tasks that have not begun fail from now on, in later runs too. Any thread. */
    void stop() {
        stopped = true;
    }

    private void checkNotStopped() {
        if (stopped) {
            throw new CancellationException("The step was stopped.");
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
            Run run = null;
            while (true) {
                run = awaitAfter(run);
                if (closed) {
                    return;
                }
                run.takeTasks(worker);
            }
        }

        private Run awaitAfter(Run seen) {
            long deadline = System.nanoTime() + SPIN_NANOS;
            for (int spins = 0; ; spins++) {
                Run run = current;
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
                    Run run = current;
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
