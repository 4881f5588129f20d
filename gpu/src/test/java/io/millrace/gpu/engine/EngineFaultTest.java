package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.session.EngineFailedException;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SessionListener;
import io.millrace.gpu.session.SharedEngine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;

/**
 * What becomes of sessions and requests when a step fails or hangs, and of those that run alone.
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EngineFaultTest {
    private final ScriptedEngine engine = new ScriptedEngine();
    private final List<ScriptedEngine> loaded = new ArrayList<>(List.of(engine));
    private int loads;
    private final EngineLoader loader =
            options -> {
                if (loads == loaded.size()) {
                    loaded.add(new ScriptedEngine());
                }
                return loaded.get(loads++);
            };
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private EngineOptions options;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        options = EngineOptions.of(test.getDisplayName());
    }

    @AfterEach
    void noEngineIsLeft() {
        assertThat(SharedEngine.count()).isZero();
    }

    private EngineSession session(String name, Duration stepTimeout) throws Exception {
        EngineSession session = SharedEngine.acquire(options, loader, stepTimeout);
        session.onFault(
                (suspects, alone, cause) -> {
                    faults.add(name + " " + suspects + (alone ? " alone" : ""));
                    engine.stopReturns.countDown();
                });
        return session;
    }

    private static GenerationRequest request(int tokens) {
        return GenerationRequest.of("id", new int[] {1}, SamplingParameters.greedy(tokens));
    }

    /** Drains at every wake-up until that many requests are finished; tickets in order. */
    private static List<Long> drainUntil(EngineSession session, int finished) throws Exception {
        List<Long> tickets = new ArrayList<>();
        BlockingQueue<String> wakeUps = new LinkedBlockingQueue<>();
        session.onEvents(() -> wakeUps.add(""));
        while (tickets.size() < finished) {
            wakeUps.take();
            session.drain(
                    new SessionListener() {
                        @Override
                        public void onAdmitted(long ticket, long timeMs) {}

                        @Override
                        public void onToken(long ticket, int completion, int token, long timeMs) {}

                        @Override
                        public void onFinished(long ticket, GenerationResult result, long timeMs) {
                            tickets.add(ticket);
                        }

                        @Override
                        public void onFailed(long ticket, Exception cause) {
                            throw new AssertionError(cause);
                        }
                    });
        }
        return tickets;
    }

    @Test
    void eachSessionIsToldItsSuspectsBeforeAnyOfThemFails() throws Exception {
        engine.permits.drainPermits();
        EngineSession first = session("first", Duration.ZERO);
        EngineSession second = session("second", Duration.ZERO);
        EngineSession idle = session("idle", Duration.ZERO);
        first.submit(request(5), "a", false);
        first.submit(request(5), "b", false);
        second.submit(request(5), "c", false);
        engine.permits.release(1);
        engine.stepped(1);
        engine.stepFailure = new IllegalStateException("the kernel failed");
        engine.permits.release(1);
        for (EngineSession session : List.of(first, second, idle)) {
            assertThatThrownBy(() -> drainUntil(session, 99))
                    .isInstanceOf(EngineFailedException.class)
                    .hasMessageContaining("the kernel failed");
        }
        assertThat(faults).containsExactlyInAnyOrder("first [a, b]", "second [c]");
        first.close();
        second.close();
        idle.close();
        assertThat(engine.closed.getCount()).isZero();
    }

    @Test
    void aListenerThatFailsHidesNothing() throws Exception {
        EngineSession session = SharedEngine.acquire(options, loader);
        session.onFault(
                (suspects, alone, cause) -> {
                    throw new IllegalArgumentException("the journal is full");
                });
        engine.stepFailure = new IllegalStateException("the kernel failed");
        session.submit(request(5), "a", false);
        assertThatThrownBy(() -> drainUntil(session, 1))
                .isInstanceOf(EngineFailedException.class)
                .cause()
                .hasMessage("the kernel failed")
                .hasSuppressedException(new IllegalArgumentException("the journal is full"));
        session.close();
    }

    @Test
    void requestsThatRunAloneHaveTheEngineToThemselvesOneByOneAndGoFirst() throws Exception {
        engine.permits.drainPermits();
        EngineSession session = session("one", Duration.ZERO);
        EngineSession other = session("other", Duration.ZERO);
        long running = session.submit(request(3));
        engine.permits.release(1);
        engine.stepped(1);
        // From here on nothing is let in before those that run alone are through.
        long aloneA = session.submit(request(2), "a", true);
        other.submit(request(1));
        long aloneB = session.submit(request(2), "b", true);
        long last = session.submit(request(1));
        engine.permits.release(1_000);
        assertThat(drainUntil(session, 4)).containsExactly(running, aloneA, aloneB, last);
        drainUntil(other, 1);
        assertThat(engine.mostAtOnce).isEqualTo(2);
        other.close();
        session.close();
    }

    @Test
    void aFailureOfWhatRunsAloneIsToldAsSuch() throws Exception {
        EngineSession session = session("one", Duration.ZERO);
        engine.stepFailure = new IllegalStateException("the kernel failed");
        session.submit(request(5), "a", true);
        session.submit(request(5), "b", true);
        session.submit(request(5), "c", false);
        assertThatThrownBy(() -> drainUntil(session, 1)).isInstanceOf(EngineFailedException.class);
        assertThat(faults).containsExactly("one [a] alone");
        session.close();
    }

    @Test
    void aWaitingRequestThatIsCancelledIsNeverTaken() throws Exception {
        engine.permits.drainPermits();
        EngineSession session = session("one", Duration.ZERO);
        long running = session.submit(request(2));
        engine.permits.release(1);
        engine.stepped(1);
        session.cancel(session.submit(request(2), "a", true));
        EngineSession other = session("other", Duration.ZERO);
        other.submit(request(2), "b", true);
        other.close();
        long last = session.submit(request(2));
        engine.permits.release(1_000);
        assertThat(drainUntil(session, 2)).containsExactly(running, last);
        session.close();
    }

    @Test
    void aStepThatHangsIsStoppedAndFailsEverySession() throws Exception {
        engine.stuck = new CountDownLatch(1);
        engine.stoppable = true;
        engine.stopReturns = new CountDownLatch(1);
        EngineSession session = session("one", Duration.ofMillis(40));
        EngineSession other = session("other", Duration.ofMillis(40));
        session.submit(request(5), "a", false);
        assertThatThrownBy(() -> drainUntil(session, 1))
                .isInstanceOf(EngineFailedException.class)
                .hasMessageContaining("--step-timeout of 40 ms");
        assertThatThrownBy(() -> drainUntil(other, 1)).isInstanceOf(EngineFailedException.class);
        assertThat(faults).containsExactly("one [a]");
        session.close();
        other.close();
        assertThat(engine.closed.getCount()).isZero();
    }

    @Test
    void aStepThatCannotBeStoppedIsAnInternalErrorAndTheNextAcquirerLoadsAnew() throws Exception {
        engine.stuck = new CountDownLatch(1);
        EngineSession session = session("one", Duration.ofMillis(40));
        session.submit(request(5), "a", false);
        // Unwrapped: Flink looks at the top of what a task throws only.
        assertThatThrownBy(() -> drainUntil(session, 1))
                .isExactlyInstanceOf(InternalError.class)
                .hasMessageContaining("--step-timeout of 40 ms");
        assertThat(faults).containsExactly("one [a]");
        session.close();

        EngineSession next = session("next", Duration.ZERO);
        next.submit(request(2));
        drainUntil(next, 1);
        next.close();
        assertThat(loads).isEqualTo(2);
        assertThat(loaded.get(1).steps).hasValue(2);

        // Should it end after all, it closes what it had and is heard of no more.
        engine.stuck.countDown();
        engine.closed.await();
        assertThat(faults).containsExactly("one [a]");
    }

    @Test
    void tellingOfAFailedStepMayTakeLongerThanAStep() throws Exception {
        EngineSession session = SharedEngine.acquire(options, loader, Duration.ofMillis(300));
        List<Boolean> asked = new CopyOnWriteArrayList<>();
        session.onFault(
                (suspects, alone, cause) -> {
                    try {
                        asked.add(engine.stopAsked.await(700, TimeUnit.MILLISECONDS));
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                });
        engine.stepFailure = new IllegalStateException("the kernel failed");
        session.submit(request(5), "a", false);
        assertThatThrownBy(() -> drainUntil(session, 1))
                .isInstanceOf(EngineFailedException.class)
                .hasCause(engine.stepFailure);
        assertThat(asked).as("somebody stopped a step that had ended").containsExactly(false);
        session.close();
    }

    @Test
    void sessionsEndAlsoWhereTellingThemOfAFaultThrows() throws Exception {
        engine.askFailure = new StackOverflowError("asked while it hangs");
        engine.stuck = new CountDownLatch(1);
        EngineSession session = session("one", Duration.ofMillis(40));
        session.submit(request(5), "a", false);
        assertThatThrownBy(() -> drainUntil(session, 1))
                .isExactlyInstanceOf(InternalError.class)
                .hasMessageContaining("--step-timeout of 40 ms")
                .hasSuppressedException(engine.askFailure);
        session.close();
        engine.stuck.countDown();
        engine.closed.await();
    }

    @Test
    void sessionsOfAFailedStepEndAlsoWhereTellingThemThrows() throws Exception {
        engine.askFailure = new StackOverflowError("asked after it failed");
        engine.stepFailure = new IllegalStateException("the kernel failed");
        EngineSession session = session("one", Duration.ZERO);
        EngineSession other = session("other", Duration.ZERO);
        session.submit(request(5), "a", false);
        for (EngineSession each : List.of(session, other)) {
            assertThatThrownBy(() -> drainUntil(each, 1))
                    .isInstanceOf(EngineFailedException.class)
                    .cause()
                    .isSameAs(engine.stepFailure)
                    .hasSuppressedException(engine.askFailure);
        }
        session.close();
        other.close();
    }

    @Test
    void aWakeUpThatThrowsKeepsNoOtherSessionFromEnding() throws Exception {
        List<EngineSession> sessions = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            sessions.add(session("s" + i, Duration.ZERO));
        }
        for (EngineSession bad : sessions.subList(0, 4)) {
            bad.onEvents(
                    () -> {
                        throw new IllegalStateException("the mailbox is gone");
                    });
        }
        EngineSession good = sessions.get(4);
        engine.stepFailure = new IllegalArgumentException("the kernel failed");
        good.submit(request(5));
        assertThatThrownBy(() -> drainUntil(good, 1)).isInstanceOf(EngineFailedException.class);
        sessions.forEach(EngineSession::close);
    }

    @Test
    void whatClosingTheEngineThrowsReachesTheLastToClose() throws Exception {
        loaded.add(new ScriptedEngine());
        engine.closeFailure = new IllegalStateException("2 handles");
        loaded.get(1).closeFailure = new InternalError("dead");
        for (ScriptedEngine closing : List.copyOf(loaded)) {
            EngineSession first = session("first", Duration.ZERO);
            EngineSession last = session("last", Duration.ZERO);
            first.close();
            assertThatThrownBy(last::close).isSameAs(closing.closeFailure);
            last.close();
            assertThat(SharedEngine.count()).isZero();
        }
    }

    @Test
    void whatClosingAFailedEngineThrowsIsPartOfTheFailure() throws Exception {
        engine.closeFailure = new IllegalStateException("2 handles");
        engine.stepFailure = new IllegalArgumentException("the kernel failed");
        EngineSession session = session("one", Duration.ZERO);
        session.submit(request(5));
        assertThatThrownBy(() -> drainUntil(session, 1)).isInstanceOf(EngineFailedException.class);
        session.close();
        assertThat(engine.stepFailure).hasSuppressedException(engine.closeFailure);
    }

    @Test
    void closingLeavesNoWatchdog() throws Exception {
        EngineSession session = session("one", Duration.ofDays(1));
        assertThat(watchdogs()).isEqualTo(1);
        session.close();
        assertThat(watchdogs()).isZero();
    }

    private long watchdogs() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals("millrace-watchdog-" + options.modelName()))
                .count();
    }
}
