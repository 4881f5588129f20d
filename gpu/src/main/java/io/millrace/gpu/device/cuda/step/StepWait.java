package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.driver.DeviceException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for what the device writes into host memory, without calling the driver while all is well.
 * It looks all the time at first, then in rests; now and then it asks the driver whether the device
 * is still at work, since a dead one never writes.
 *
 * <p>A GPU cannot be asked to end a step. One that was stopped is waited for to its end, and then
 * fails; if that does not come, neither does this: the watchdog knows what to do.
 */
public final class StepWait {
    /** As long as a step of most models takes, and a thread needs to come back from a rest. */
    private static final long BUSY_NANOS = 20_000_000;

    private static final long REST_NANOS = 50_000;

    /** Between two questions to the driver. */
    private static final long ASK_NANOS = 5_000_000;

    /** Looks between two at the clock. */
    private static final int LOOKS = 32;

    /** What is waited for. */
    public interface Device {
        /** Whether the step's output is there. */
        boolean hasWritten(QueuedStep step);

        /**
         * Whether all that the device was given is done. Asks the driver; throws what it says if
         * that is an error.
         */
        boolean isIdle();
    }

    private final Device device;
    private volatile boolean stopped;

    public StepWait(Device device) {
        this.device = device;
    }

    /**
     * Returns when the step's output is there.
     *
     * @throws CancellationException it was stopped; the device is idle
     * @throws DeviceException the device has nothing more to do, and the output is not there
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
                // Idle first: what it wrote before is seen by the second look.
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

    /** Has whoever waits, or will, end with an exception. Any thread. */
    public void stop() {
        stopped = true;
    }

    /** Throws if stopped, once the device is idle: only then can what it uses be freed. */
    public void checkStopped() {
        if (stopped) {
            while (!device.isIdle()) {
                LockSupport.parkNanos(REST_NANOS);
            }
            throw new CancellationException("The step was stopped.");
        }
    }
}
