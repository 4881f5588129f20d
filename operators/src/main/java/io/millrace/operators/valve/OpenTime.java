package io.millrace.operators.valve;

import org.apache.flink.util.clock.RelativeClock;

/** A clock that runs only while a {@link Valve} is open. Mailbox thread only. */
final class OpenTime implements RelativeClock {
    private final RelativeClock clock;
    private boolean open;

    /** Time of the periods that have ended. */
    private long elapsedMs;

    private long elapsedNanos;
    private long openedMs;
    private long openedNanos;

    private OpenTime(RelativeClock clock) {
        this.clock = clock;
    }

    static OpenTime of(Valve valve, RelativeClock clock) {
        OpenTime time = new OpenTime(clock);
        valve.add(time);
        if (valve.isOpen()) {
            time.onOpened();
        }
        return time;
    }

    void onOpened() {
        open = true;
        openedMs = clock.relativeTimeMillis();
        openedNanos = clock.relativeTimeNanos();
    }

    void onClosed() {
        elapsedMs = relativeTimeMillis();
        elapsedNanos = relativeTimeNanos();
        open = false;
    }

    @Override
    public long relativeTimeMillis() {
        return open ? elapsedMs + clock.relativeTimeMillis() - openedMs : elapsedMs;
    }

    @Override
    public long relativeTimeNanos() {
        return open ? elapsedNanos + clock.relativeTimeNanos() - openedNanos : elapsedNanos;
    }
}
