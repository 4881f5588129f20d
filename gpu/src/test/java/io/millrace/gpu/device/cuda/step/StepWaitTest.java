package io.millrace.gpu.device.cuda.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.device.cuda.driver.DeviceException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class StepWaitTest {
    private final QueuedStep step = new StepQueue(0, 1).next();

    /** Writes and rests as it is told to. */
    private static final class TestingDevice implements StepWait.Device {
        final AtomicInteger asked = new AtomicInteger();
        volatile boolean written;
        volatile boolean idle;
        volatile InternalError dead;

        @Override
        public boolean hasWritten(QueuedStep step) {
            return written;
        }

        @Override
        public boolean isIdle() {
            asked.incrementAndGet();
            if (dead != null) {
                throw dead;
            }
            return idle;
        }
    }

    private final TestingDevice device = new TestingDevice();
    private final StepWait wait = new StepWait(device);

    @Test
    void whatIsThereIsNotAskedFor() {
        device.written = true;
        wait.await(step);
        assertThat(device.asked).hasValue(0);
    }

    @Test
    void waitsUntilItIsThereAndAsksNowAndThen() throws Exception {
        long start = System.nanoTime();
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> wait.await(step));
        int asked = 0;
        while (asked < 9) {
            assertThat(waiting).isNotDone();
            Thread.sleep(1);
            asked = device.asked.get();
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertThat((long) asked).as("once in 5 ms at most").isLessThanOrEqualTo(millis / 5 + 1);
        device.written = true;
        waiting.get(10, TimeUnit.SECONDS);
    }

    @Test
    void aDeadDeviceIsNotWaitedForForEver() {
        device.dead = new InternalError("dead");
        assertThatThrownBy(() -> wait.await(step)).isSameAs(device.dead);
    }

    @Test
    void aDeviceThatHasNothingLeftToDoWillNotWrite() {
        device.idle = true;
        assertThatThrownBy(() -> wait.await(step))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("step 1 of");
    }

    @Test
    void whatIsWrittenBeforeTheDeviceIsIdleCounts() {
        StepWait late =
                new StepWait(
                        new StepWait.Device() {
                            private boolean written;

                            @Override
                            public boolean hasWritten(QueuedStep step) {
                                return written;
                            }

                            @Override
                            public boolean isIdle() {
                                written = true;
                                return true;
                            }
                        });
        late.await(step);
    }

    @Test
    void aStoppedStepIsWaitedForToItsEndAndFails() throws Exception {
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> wait.await(step));
        Thread.sleep(20);
        wait.stop();
        Thread.sleep(100);
        assertThat(waiting).as("the device is still at work").isNotDone();
        device.idle = true;
        assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(CancellationException.class);
        assertThatThrownBy(wait::checkStopped)
                .as("nothing more is launched")
                .isInstanceOf(CancellationException.class);
    }
}
