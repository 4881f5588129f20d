package io.millrace.gpu.session;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Detects a step that does not end, stops it, and gives up on the engine if that does not help. Has
 * a thread of its own.
 *
 * <p>It counts its own ticks instead of reading a clock: the count does not change while the
 * process is stopped or the machine sleeps.
 */
final class Watchdog extends Thread {
    private static final int TICKS = 20;
    private static final long LONGEST_TICK_MS = 1000;

    private final long tickMs;
    private final long ticksAllowed;
    private final LongSupplier runningStep;
    private final BooleanSupplier stop;
    private final Runnable giveUp;

    /** Used by this thread and by tests. */
    private long step;

    private long ticks;

    private boolean ended;

    /**
     * @param timeout most time for one step
     * @param runningStep returns the number of the step that runs, 0 for none
     * @param stop requests the end of the step; false if that is not possible
     * @param giveUp called once, when a step could not be stopped or takes the same time again to
     *     end
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

    /** Waits for one tick; false when the thread has to end. */
    private synchronized boolean rest() {
        if (!ended) {
            try {
                wait(tickMs);
            } catch (InterruptedException e) {
                // Interrupts are ignored; end() ends this thread.
            }
        }
        return !ended;
    }

    /** Checks the step once; whether it has given up. */
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

    /** Number of ticks after which a step is stopped. */
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
