package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.driver.DeviceException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for a step's output in host memory, which the device writes, without calling the driver in
 * the normal case. It spins first and then sleeps between polls; now and then it queries the driver
 * whether the device is still working, since a dead device never writes.
 *
 * <p>A step on a GPU cannot be aborted. After a stop the wait goes on to the end of the work in
 * flight, and then fails; if the device hangs, it does not return, and the watchdog acts.
 */
public final class StepWait {
    /** Time of spinning: longer than a step of most models, and than a thread takes to wake up. */
    private static final long BUSY_NANOS = 20_000_000;

    private static final long REST_NANOS = 50_000;

    /** Time between two queries of the driver. */
    private static final long ASK_NANOS = 5_000_000;

    /** Polls between two reads of the clock. */
    private static final int LOOKS = 32;

    /** The device, as the wait sees it. */
    public interface Device {
        /** Whether the step's output is complete. */
        boolean hasWritten(QueuedStep step);

        /**
         * Whether the device has no work left. Queries the driver, and throws if that returns an
         * error.
         */
        boolean isIdle();
    }

    private final Device device;
    private volatile boolean stopped;

    public StepWait(Device device) {
        this.device = device;
    }

    /**
     * Waits until the step's output is complete.
     *
     * @throws CancellationException the wait was stopped; the device is idle
     * @throws DeviceException the device is idle, and the output is missing
     */
    public void await(QueuedStep step) {
        long start = System.nanoTime();
        long asked = start;
        while (!device.hasWritten(step)) {
            checkStopped();
            for (int i = 0; i < LOOKS; i++) {
                if (device.hasWritten(step)) {
                    return;
                }
                Thread.onSpinWait();
            }
            long now = System.nanoTime();
            if (now - asked >= ASK_NANOS) {
                asked = now;
                // The device is idle, so this second poll sees all that it wrote.
                if (device.isIdle() && !device.hasWritten(step)) {
                    checkStopped();
                    throw new DeviceException(
                            "The GPU has done all that it was given, but " + step + " is missing.");
                }
            }
            if (now - start >= BUSY_NANOS) {
                LockSupport.parkNanos(REST_NANOS);
            }
        }
    }

    /** Makes this wait, and later ones, end with an exception. Any thread. */
    public void stop() {
        stopped = true;
    }

    /** Throws if stopped, once the device is idle: only then may its memory be freed. */
    public void checkStopped() {
        if (stopped) {
            while (!device.isIdle()) {
                LockSupport.parkNanos(REST_NANOS);
            }
            throw new CancellationException("The step was stopped.");
        }
    }
}
