package io.millrace.gpu.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchdogTest {
    private final List<String> calls = new ArrayList<>();
    private long step = 1;
    private boolean stoppable = true;

    private final Watchdog watchdog =
            new Watchdog(
                    "watchdog",
                    Duration.ofMillis(970),
                    () -> step,
                    () -> {
                        calls.add("stop");
                        return stoppable;
                    },
                    () -> calls.add("give up"));

    private boolean ticks(long count) {
        boolean gaveUp = false;
        for (long i = 0; i < count; i++) {
            gaveUp = watchdog.tick();
        }
        return gaveUp;
    }

    @Test
    void stopsAStepThatLastsItsTicksAndGivesUpAfterAsManyMore() {
        assertThat(ticks(watchdog.ticksAllowed())).isFalse();
        assertThat(calls).isEmpty();
        ticks(1);
        assertThat(calls).containsExactly("stop");
        assertThat(ticks(watchdog.ticksAllowed() - 1)).isFalse();
        assertThat(ticks(1)).isTrue();
        assertThat(calls).containsExactly("stop", "give up");
    }

    @Test
    void givesUpAtOnceOnAStepThatCannotBeStopped() {
        stoppable = false;
        assertThat(ticks(watchdog.ticksAllowed() + 1)).isTrue();
        assertThat(calls).containsExactly("stop", "give up");
    }

    @Test
    void everyNewStepAndEveryRestBeginsAnew() {
        for (int i = 0; i < 17; i++) {
            ticks(watchdog.ticksAllowed());
            step++;
        }
        ticks(watchdog.ticksAllowed());
        step = 0;
        ticks(10 * watchdog.ticksAllowed());
        step = 18;
        ticks(watchdog.ticksAllowed());
        assertThat(calls).isEmpty();
    }

    @Test
    void runsAsAThreadUntilItIsEnded() throws Exception {
        CountDownLatch gaveUp = new CountDownLatch(1);
        Watchdog fast =
                new Watchdog(
                        "fast", Duration.ofMillis(20), () -> 1, () -> false, gaveUp::countDown);
        fast.start();
        gaveUp.await();
        fast.end();
        assertThat(fast.isAlive()).isFalse();
        Watchdog idle = new Watchdog("idle", Duration.ofDays(1), () -> 0, () -> false, () -> {});
        idle.start();
        idle.end();
        assertThat(idle.isAlive()).isFalse();
    }
}
