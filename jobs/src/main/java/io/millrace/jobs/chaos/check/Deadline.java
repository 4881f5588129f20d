package io.millrace.jobs.chaos.check;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A deadline for polling loops. */
public final class Deadline {
    private static final long LOOK_MS = 100;

    private final long end;

    private Deadline(long end) {
        this.end = end;
    }

    public static Deadline in(Duration time) {
        return new Deadline(System.nanoTime() + time.toNanos());
    }

    public boolean isOver() {
        return System.nanoTime() - end >= 0;
    }

    /** Waits before the next poll. */
    public void pause() throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
}
