package io.millrace.gpu.session;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Notices a step that does not end, has it stopped, and gives up where that does not help. A thread
 * of its own.
 *
 * <p>It counts its own ticks, not the clock's: a process that was stopped or a machine that slept
 * comes back with the same count.
 */
final class Watchdog extends Thread {
    private static final int TICKS = 20;
    private static final long LONGEST_TICK_MS = 1000;

    private final long tickMs;
    private final long ticksAllowed;
    private final LongSupplier runningStep;
    private final BooleanSupplier stop;
    private final Runnable giveUp;

    /** This thread only, and tests. */
    private long step;

    private long ticks;

    private boolean ended;

    /**
     * @param timeout most time for one step
     * @param runningStep number of the step that runs, 0 for none
     * @param stop asks the step to end; false if it cannot be
     * @param giveUp called once, when a step could not be stopped or takes as long again to end
     */
    Watchdog(
            String name,
            Duration timeout,
            LongSupplier runningStep,
            BooleanSupplier stop,
            Runnable giveUp) {
        super(name);
        this.tickMs = Math.max(1, Math.min(LONGEST_TICK_MS, timeout.toMillis() / TICKS));
        this.ticksAllowed = Math.max(1, timeout.toMillis() / tickMs);
        this.runningStep = runningStep;
        this.stop = stop;
        this.giveUp = giveUp;
        setDaemon(true);
        setContextClassLoader(Watchdog.class.getClassLoader());
    }

    @Override
    public void run() {
        while (rest()) {
            if (tick()) {
                return;
            }
        }
    }

    /** Waits one tick; false at the end. */
    private synchronized boolean rest() {
        if (!ended) {
            try {
                wait(tickMs);
            } catch (InterruptedException e) {
                // Only end() ends this thread.
            }
        }
        return !ended;
    }

    /** Looks once; whether it has given up. */
    boolean tick() {
        long running = runningStep.getAsLong();
        if (running == 0 || running != step) {
            step = running;
            ticks = 0;
            return false;
        }
        ticks++;
        if (ticks == 2 * ticksAllowed || (ticks == ticksAllowed && !stop.getAsBoolean())) {
            giveUp.run();
            return true;
        }
        return false;
    }

    /** Ticks after which a step is stopped. */
    long ticksAllowed() {
        return ticksAllowed;
    }

    /** Ends the thread and waits for it. */
    void end() {
        synchronized (this) {
            ended = true;
            notifyAll();
        }
        boolean interrupted = false;
        while (isAlive() && Thread.currentThread() != this) {
            try {
                join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
