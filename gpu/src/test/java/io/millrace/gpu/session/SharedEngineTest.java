package io.millrace.gpu.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.engine.EngineLoader;
import io.millrace.gpu.engine.ScriptedEngine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SharedEngineTest {
    /** Collects news; draining is done by the test's thread. */
    private static final class Recorder implements SessionListener {
        final List<String> news = new ArrayList<>();

        @Override
        public void onAdmitted(long ticket, long timeMs) {
            news.add("admitted " + ticket);
        }

        @Override
        public void onToken(long ticket, int completion, int tokenId, long timeMs) {
            news.add("token " + ticket);
        }

        @Override
        public void onFinished(long ticket, GenerationResult result, long timeMs) {
            news.add("finished " + ticket);
        }

        @Override
        public void onFailed(long ticket, Exception cause) {
            news.add("failed " + ticket + " " + cause.getMessage());
        }
    }

    private final ScriptedEngine engine = new ScriptedEngine();
    private final AtomicInteger loads = new AtomicInteger();
    private final EngineLoader loader =
            options -> {
                loads.incrementAndGet();
                return engine;
            };
    private EngineOptions options;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        options = EngineOptions.of(test.getDisplayName());
    }

    @AfterEach
    void noEngineIsLeft() {
        assertThat(SharedEngine.count()).isZero();
    }

    private static GenerationRequest request(int tokens) {
        return GenerationRequest.of("id", new int[] {1}, SamplingParameters.greedy(tokens));
    }

    /** Drains at every wake-up until {@code last} is among the news. */
    private static Recorder drainUntil(EngineSession session, String last) throws Exception {
        BlockingQueue<String> wakeUps = new LinkedBlockingQueue<>();
        session.onEvents(() -> wakeUps.add(""));
        Recorder recorder = new Recorder();
        while (!recorder.news.contains(last)) {
            wakeUps.take();
            session.drain(recorder);
        }
        return recorder;
    }

    @Test
    void sessionsOfEqualOptionsShareOneEngineUntilTheLastCloses() throws Exception {
        EngineSession first = SharedEngine.acquire(options, loader);
        EngineSession second = SharedEngine.acquire(options.withThreads(0), loader);
        assertThat(loads).hasValue(1);
        first.close();
        first.close();
        assertThat(engine.closed.getCount()).isEqualTo(1);
        second.close();
        assertThat(engine.closed.getCount()).isZero();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(t -> t.getName().equals("millrace-engine-" + options.modelName()));
    }

    /** Two jobs that run the same, one from the command line and one from Java. */
    @Test
    void sessionsThatCallOptionsDifferentlyShareOneEngineAndEachHasItsOwnErrors() throws Exception {
        engine.refusal = "The prompt is long: raise --max-model-len.";
        try (EngineSession java = SharedEngine.acquire(options, loader);
                EngineSession flags =
                        SharedEngine.acquire(options.withNames(OptionNames.COMMAND_LINE), loader)) {
            assertThat(loads).hasValue(1);
            assertThatThrownBy(() -> java.check(request(1)))
                    .isInstanceOf(RequestRejectedException.class)
                    .hasMessage("The prompt is long: raise maxModelLen.");
            assertThatThrownBy(() -> flags.check(request(1)))
                    .isInstanceOf(RequestRejectedException.class)
                    .hasMessage("The prompt is long: raise --max-model-len.");
            long ticket = java.submit(request(1));
            String refused = "failed " + ticket + " The prompt is long: raise maxModelLen.";
            assertThat(drainUntil(java, refused).news).containsExactly(refused);
        }
    }

    @Test
    void aModelThatCannotBeLoadedIsSaidInTheWordsOfEachOwner() {
        EngineLoader failing =
                o -> {
                    throw new IOException("There is no room: lower --kv-cache-memory.");
                };
        assertThatThrownBy(() -> SharedEngine.acquire(options, failing))
                .isInstanceOf(IOException.class)
                .hasMessage("There is no room: lower kvCacheBytes.");
        assertThatThrownBy(
                        () ->
                                SharedEngine.acquire(
                                        options.withNames(OptionNames.COMMAND_LINE), failing))
                .isInstanceOf(IOException.class)
                .hasMessage("There is no room: lower --kv-cache-memory.");
    }

    @Test
    void otherOptionsOpenAnotherEngine() throws Exception {
        EngineSession first = SharedEngine.acquire(options, loader);
        EngineSession second =
                SharedEngine.acquire(options.withThreads(17), o -> new ScriptedEngine());
        assertThat(SharedEngine.count()).isEqualTo(2);
        first.close();
        second.close();
    }

    @Test
    void aRequestIsToldOfInOrder() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            long ticket = session.submit(request(2));
            assertThat(drainUntil(session, "finished " + ticket).news)
                    .containsExactly(
                            "admitted " + ticket,
                            "token " + ticket,
                            "token " + ticket,
                            "finished " + ticket);
        }
    }

    @Test
    void oneWakeUpTellsOfAllNewsUntilTheOwnerDrains() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            AtomicInteger wakeUps = new AtomicInteger();
            CountDownLatch woken = new CountDownLatch(1);
            session.onEvents(
                    () -> {
                        wakeUps.incrementAndGet();
                        woken.countDown();
                    });
            for (int i = 0; i < 17; i++) {
                session.submit(request(54));
            }
            woken.await();
            // The engine goes on without another wake-up, and all of it is in the outbox.
            engine.stepped(54);
            assertThat(wakeUps).hasValue(1);
        }
    }

    @Test
    void aRefusedRequestFailsAlone() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            long bad =
                    session.submit(
                            GenerationRequest.of("x", new int[0], SamplingParameters.greedy(1)));
            long good = session.submit(request(1));
            assertThat(drainUntil(session, "finished " + good).news)
                    .contains("failed " + bad + " empty");
        }
    }

    @Test
    void anExceptionWhileTakingARequestFailsThatRequestAlone() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            engine.addFailure = new IllegalStateException("poison");
            long bad = session.submit(request(1));
            drainUntil(session, "failed " + bad + " poison");
            engine.addFailure = null;
            long good = session.submit(request(1));
            drainUntil(session, "finished " + good);
        }
    }

    @Test
    void aRequestThatTheEngineGivesUpFailsAlone() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            engine.permits.drainPermits();
            engine.giveUp = 1;
            long bad = session.submit(request(17));
            long good = session.submit(request(17));
            engine.permits.release(1000);
            assertThat(drainUntil(session, "finished " + good).news)
                    .contains("failed " + bad + " given up")
                    .doesNotContain("finished " + bad);
        }
    }

    @Test
    void aCancelledRequestIsTakenFromTheEngine() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            engine.permits.drainPermits();
            long ticket = session.submit(request(1000));
            engine.permits.release(1);
            engine.stepped(1);
            session.cancel(ticket);
            long other = session.submit(request(1));
            session.cancel(4711);
            engine.permits.release(1000);
            drainUntil(session, "finished " + other);
            assertThat(engine.cancelled).hasValue(1);
        }
    }

    @Test
    void closingASessionCancelsItsRequestsAndCallsNothingBack() throws Exception {
        EngineSession stays = SharedEngine.acquire(options, loader);
        EngineSession goes = SharedEngine.acquire(options, loader);
        engine.permits.drainPermits();
        goes.submit(request(1000));
        goes.submit(request(1000));
        AtomicInteger calls = new AtomicInteger();
        goes.onEvents(calls::incrementAndGet);
        goes.close();
        int before = calls.get();
        engine.permits.release(1_000_000);
        drainUntil(stays, "finished " + stays.submit(request(3)));
        assertThat(engine.cancelled.get()).isBetween(0, 2);
        assertThat(calls).hasValue(before);
        stays.close();
    }

    @Test
    void aFailedStepFailsEverySessionAndTheNextAcquirerLoadsAnew() throws Exception {
        EngineSession first = SharedEngine.acquire(options, loader);
        EngineSession second = SharedEngine.acquire(options, loader);
        CountDownLatch told = new CountDownLatch(2);
        first.onEvents(told::countDown);
        second.onEvents(told::countDown);
        IllegalStateException cause = new IllegalStateException("device");
        engine.stepFailure = cause;
        first.submit(request(1));
        told.await();
        for (EngineSession session : List.of(first, second)) {
            assertThatThrownBy(() -> session.drain(new Recorder()))
                    .isInstanceOf(EngineFailedException.class)
                    .hasMessageContaining("device")
                    .hasCause(cause);
        }
        engine.closed.await();
        engine.stepFailure = null;
        EngineSession third = SharedEngine.acquire(options, loader);
        assertThat(loads).hasValue(2);
        first.close();
        second.close();
        assertThat(SharedEngine.count()).isEqualTo(1);
        third.close();
    }

    @Test
    void aFatalErrorIsThrownAsItIs() throws Exception {
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            CountDownLatch told = new CountDownLatch(1);
            session.onEvents(told::countDown);
            InternalError error = new InternalError("the context is dead");
            engine.stepFailure = error;
            session.submit(request(1));
            told.await();
            assertThatThrownBy(() -> session.drain(new Recorder())).isSameAs(error);
        }
    }

    @Test
    void aFailedLoadIsToldToAllWhoWaitAndIsTriedAgain() throws Exception {
        AtomicInteger attempts = new AtomicInteger();
        EngineLoader failing =
                o -> {
                    if (attempts.incrementAndGet() == 1) {
                        throw new IOException("No model is in that folder.");
                    }
                    return engine;
                };
        assertThatThrownBy(() -> SharedEngine.acquire(options, failing))
                .isInstanceOf(IOException.class)
                .hasMessage("No model is in that folder.");
        assertThat(SharedEngine.count()).isZero();
        SharedEngine.acquire(options, failing).close();
        assertThat(attempts).hasValue(2);
    }

    @Test
    void anInterruptedWaiterLeavesAndTheOthersGetTheEngine() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch mayLoad = new CountDownLatch(1);
        EngineLoader slow =
                o -> {
                    loading.countDown();
                    try {
                        mayLoad.await();
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                    return engine;
                };
        ExecutorService pool = Executors.newFixedThreadPool(2);
        Future<EngineSession> stays = pool.submit(() -> SharedEngine.acquire(options, slow));
        loading.await();
        CountDownLatch interrupted = new CountDownLatch(1);
        Thread goes =
                new Thread(
                        () -> {
                            try {
                                SharedEngine.acquire(options, slow);
                            } catch (InterruptedException e) {
                                interrupted.countDown();
                            } catch (IOException e) {
                                throw new AssertionError(e);
                            }
                        });
        goes.start();
        goes.interrupt();
        interrupted.await();
        mayLoad.countDown();
        stays.get().close();
        assertThat(engine.closed.getCount()).isZero();
        pool.shutdown();
    }

    @Test
    void anInterruptedOnlyWaiterEndsTheLoad() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        CountDownLatch mayEnd = new CountDownLatch(1);
        AtomicInteger attempts = new AtomicInteger();
        EngineLoader endlessAtFirst =
                o -> {
                    if (attempts.incrementAndGet() > 1) {
                        assertThat(mayEnd.getCount()).isZero();
                        return engine;
                    }
                    loading.countDown();
                    try {
                        new CountDownLatch(1).await();
                        throw new AssertionError();
                    } catch (InterruptedException e) {
                        ended.countDown();
                        awaitUninterruptibly(mayEnd);
                        throw new IOException("interrupted");
                    }
                };
        CountDownLatch left = new CountDownLatch(1);
        Thread waiter =
                new Thread(
                        () -> {
                            try {
                                SharedEngine.acquire(options, endlessAtFirst);
                            } catch (InterruptedException | IOException e) {
                                left.countDown();
                            }
                        });
        waiter.start();
        loading.await();
        waiter.interrupt();
        left.await();
        ended.await();
        // The next one waits for the end of that one and opens its own. It has to ask for the same
        // engine: one of another loader would neither wait nor keep the first from being left.
        ExecutorService pool = Executors.newSingleThreadExecutor();
        Future<EngineSession> next =
                pool.submit(() -> SharedEngine.acquire(options, endlessAtFirst));
        assertThatThrownBy(() -> next.get(50, TimeUnit.MILLISECONDS))
                .isInstanceOf(TimeoutException.class);
        mayEnd.countDown();
        next.get().close();
        assertThat(attempts).hasValue(2);
        pool.shutdown();
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        while (true) {
            try {
                latch.await();
                return;
            } catch (InterruptedException e) {
                // The engine's end interrupts the load once; this stands for a load that takes
                // long.
            }
        }
    }

    @Test
    void theThreadCarriesNoClassLoaderOfItsFirstUser() throws Exception {
        Thread.currentThread().setContextClassLoader(new ClassLoader() {});
        try (EngineSession session = SharedEngine.acquire(options, loader)) {
            drainUntil(session, "finished " + session.submit(request(1)));
            assertThat(engine.contextClassLoader).isSameAs(SharedEngine.class.getClassLoader());
        } finally {
            Thread.currentThread().setContextClassLoader(SharedEngineTest.class.getClassLoader());
        }
    }

    @Test
    void manySessionsComeAndGoWhileOthersWork() throws Exception {
        int threads = 17;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<?>> done = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            done.add(
                    pool.submit(
                            () -> {
                                for (int j = 0; j < 54; j++) {
                                    try (EngineSession session =
                                            SharedEngine.acquire(
                                                    options, o -> new ScriptedEngine())) {
                                        long ticket = session.submit(request(1 + j % 3));
                                        drainUntil(session, "finished " + ticket);
                                    }
                                }
                                return null;
                            }));
        }
        for (Future<?> future : done) {
            future.get();
        }
        pool.shutdown();
    }
}
