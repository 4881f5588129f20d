package io.millrace.gpu.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.common.RunningTime;
import io.millrace.gpu.engine.ScriptedEngine;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The time of the steps of an engine whose steps take as long as the test says. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StepTimeTest {
    private static final int REQUESTS = 54;

    private final AtomicLong now = new AtomicLong(-1_000_000);
    private final ScriptedEngine engine = new ScriptedEngine();

    @ParameterizedTest
    @CsvSource({"10, 0, 100", "10, 10, 50", "10, 30, 25", "0, 10, 0"})
    void theShareOfTimeInWhichAStepRunsIsThatOfTheLoad(long step, long idle, double percent)
            throws Exception {
        EngineThread thread =
                new EngineThread(
                        EngineOptions.of("scripted"),
                        options -> engine,
                        Duration.ZERO,
                        () -> {},
                        new RunningTime(now::get));
        EngineSession session = new EngineSession(null, thread, OptionNames.COMMAND_LINE);
        thread.register(session);
        thread.start();
        thread.awaitLoaded();
        engine.duringStep = () -> now.addAndGet(step);
        Semaphore told = new Semaphore(0);
        session.onEvents(told::release);
        long from = now.get();
        for (int i = 0; i < REQUESTS; i++) {
            session.submit(GenerationRequest.of("id", new int[] {1}, greedy()));
            assertThat(told.tryAcquire(30, TimeUnit.SECONDS)).isTrue();
            session.drain(new Drained());
            now.addAndGet(idle);
        }
        long busy = thread.stepNanos();
        assertThat(busy).isEqualTo(REQUESTS * step);
        assertThat(100.0 * busy / (now.get() - from)).isEqualTo(percent);
        thread.end();
        thread.awaitEnd();
    }

    private static SamplingParameters greedy() {
        return SamplingParameters.greedy(1);
    }

    /** Takes events and does nothing with them. */
    private static final class Drained implements SessionListener {
        @Override
        public void onAdmitted(long ticket, long timeMs) {}

        @Override
        public void onToken(long ticket, int completion, int tokenId, long timeMs) {}

        @Override
        public void onFinished(
                long ticket, io.millrace.gpu.api.GenerationResult result, long timeMs) {}

        @Override
        public void onFailed(long ticket, Exception cause) {
            throw new AssertionError(cause);
        }
    }
}
