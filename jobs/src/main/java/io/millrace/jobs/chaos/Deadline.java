package io.millrace.jobs.chaos;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A moment by which something has to be so, for those who look from time to time. */
final class Deadline {
    private static final long LOOK_MS = 100;

    private final long end;

    private Deadline(long end) {
        this.end = end;
    }

    static Deadline in(Duration time) {
        return new Deadline(System.nanoTime() + time.toNanos());
    }

    boolean isOver() {
        return System.nanoTime() - end >= 0;
    }

    /** Waits a little before the next look. */
    void pause() throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
}
