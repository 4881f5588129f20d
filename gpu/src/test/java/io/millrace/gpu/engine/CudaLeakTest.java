package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cuda.driver.HeldGpu;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SessionListener;
import io.millrace.gpu.session.SharedEngine;
import io.millrace.gpu.tensor.DType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is left of a thousand random requests, a third of them cancelled: no block, no handle, no
 * byte. Engines as products open them; closing one throws if it has not given back all that its
 * context has counted.
 */
@RequiresGpu
class CudaLeakTest {
    private static final int REQUESTS = 1000;
    private static final int OPENINGS = 5;

    /** The driver gives and takes memory in pieces of 2 MiB, and keeps some for graphs. */
    private static final long TOLERANCE = 8 << 20;

    @TempDir static Path dir;

    private static EngineOptions options;
    private static HeldGpu gpu;

    @BeforeAll
    static void hold() throws Exception {
        Path model =
                TinyModels.qwen2()
                        .heads(7, 1, 64)
                        .intermediate(97)
                        .dtype(DType.BF16)
                        .write(dir.resolve("model"));
        // 39 blocks to hand out: so few that requests are preempted.
        options =
                EngineOptions.of(model.toString())
                        .withDevice(Device.CUDA)
                        .withMaxBatchedTokens(97)
                        .withMaxSequences(17)
                        .withKvCacheBytes(40L * 2 * 2 * 2 * 64 * 16);
        gpu = HeldGpu.open();
        // What a first engine makes the driver take for good is no leak.
        step(new Random(1), REQUESTS / OPENINGS, new Tally());
    }

    @AfterAll
    static void letGo() {
        gpu.close();
    }

    private static GenerationRequest request(Random random, int number) {
        int[] prompt =
                random.ints(1 + random.nextInt(random.nextInt(3) + 1) * 60, 0, 256).toArray();
        SamplingParameters.Builder p = SamplingParameters.builder();
        p.maxTokens(1 + random.nextInt(120)).temperature(random.nextInt(3) * 0.7);
        p.topP(random.nextBoolean() ? 1 : 0.8).topK(random.nextInt(2) * 40);
        p.minP(random.nextInt(4) == 0 ? 0.05 : 0).n(random.nextInt(6) == 0 ? 3 : 1);
        p.logprobs(random.nextInt(3) == 0 ? random.nextInt(6) : -1);
        if (random.nextBoolean()) {
            p.repetitionPenalty(1.3).frequencyPenalty(0.6).presencePenalty(-0.2);
        }
        p.stop(random.nextInt(4) == 0 ? List.of("e", "zz") : List.of());
        p.stopTokenIds(random.nextInt(4) == 0 ? List.of(3, 54, 97) : List.of());
        return new GenerationRequest(
                "request " + number, prompt, p.build(), random.nextInt(2), List.of());
    }

    /** What became of requests. */
    private static final class Tally {
        int cancelled;
        long preempted;
    }

    /** Requests that come and go between steps. */
    private static void step(Random random, int count, Tally tally) throws Exception {
        try (Engine engine = Engine.open(options)) {
            RecordingListener listener = new RecordingListener();
            List<Long> alive = new ArrayList<>();
            int cancelled = 0;
            for (int i = 0; i < count; i++) {
                alive.add(engine.add(request(random, i)));
                for (int steps = random.nextInt(3); steps > 0; steps--) {
                    listener.step(engine);
                }
                if (random.nextInt(3) == 0) {
                    long handle = alive.remove(random.nextInt(alive.size()));
                    engine.cancel(handle);
                    engine.checkIntegrity();
                    cancelled += listener.results.containsKey(handle) ? 0 : 1;
                }
            }
            listener.drain(engine);
            assertThat(listener.results.keySet()).containsAll(alive);
            assertThat(listener.results).hasSize(count - cancelled);
            EngineStats stats = engine.stats();
            assertThat(stats.kvBlocksUsed() + stats.running() + stats.waiting()).isZero();
            tally.cancelled += cancelled;
            tally.preempted += stats.preemptions();
        }
    }

    @Test
    void aThousandRequestsWithCancelsLeaveNothing() throws Exception {
        long before = gpu.freeBytes();
        Random random = new Random(1);
        Tally tally = new Tally();
        for (int opening = 0; opening < OPENINGS; opening++) {
            step(random, REQUESTS / OPENINGS, tally);
            assertThat(gpu.freeBytes()).isGreaterThanOrEqualTo(before - TOLERANCE);
        }
        assertThat(tally.cancelled).isGreaterThan(REQUESTS / 10);
        assertThat(tally.preempted).isPositive();
    }

    @Test
    void enginesClosedInTheMiddleLeaveNothing() throws Exception {
        long before = gpu.freeBytes();
        Random random = new Random(2);
        for (int opening = 0; opening < 3 * OPENINGS; opening++) {
            try (Engine engine = Engine.open(options)) {
                RecordingListener listener = new RecordingListener();
                for (int i = random.nextInt(20); i >= 0; i--) {
                    engine.add(request(random, i));
                }
                for (int steps = random.nextInt(20); steps > 0; steps--) {
                    listener.step(engine);
                }
            }
        }
        assertThat(gpu.freeBytes()).isGreaterThanOrEqualTo(before - TOLERANCE);
    }

    @Test
    void sessionsThatCancelFromOtherThreadsLeaveNothing() throws Exception {
        long before = gpu.freeBytes();
        Random random = new Random(3);
        // What closing an engine throws has nobody else to go to.
        Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        Thread.UncaughtExceptionHandler handler = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> thrown.add(e));
        try {
            for (int opening = 0; opening < OPENINGS; opening++) {
                session(random, opening % 2 == 0);
            }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(handler);
        }
        assertThat(thrown).isEmpty();
        assertThat(SharedEngine.count()).isZero();
        assertThat(gpu.freeBytes()).isGreaterThanOrEqualTo(before - TOLERANCE);
    }

    /**
     * Requests to an engine with a thread of its own.
     *
     * @param whole whether it is closed only when it has nothing left
     */
    private static void session(Random random, boolean whole) throws Exception {
        EngineSession session = SharedEngine.acquire(options, Engine::open);
        Tickets tickets = new Tickets();
        Semaphore news = new Semaphore(0);
        session.onEvents(news::release);
        try (session) {
            for (int i = 0; i < REQUESTS / OPENINGS; i++) {
                tickets.alive.add(session.submit(request(random, i)));
                if (random.nextInt(3) == 0) {
                    TimeUnit.MICROSECONDS.sleep(random.nextInt(2000));
                    tickets.cancelOne(session, random);
                }
                session.drain(tickets);
            }
            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (whole && !tickets.alive.isEmpty()) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                news.tryAcquire(10, TimeUnit.MILLISECONDS);
                session.drain(tickets);
            }
        }
        assertThat(tickets.finished).isGreaterThanOrEqualTo(whole ? REQUESTS / OPENINGS / 2 : 0);
    }

    /** Those of one session that are neither finished nor cancelled. */
    private static final class Tickets implements SessionListener {
        final Set<Long> alive = new HashSet<>();
        int finished;

        void cancelOne(EngineSession session, Random random) {
            List<Long> all = List.copyOf(alive);
            if (!all.isEmpty()) {
                long ticket = all.get(random.nextInt(all.size()));
                session.cancel(ticket);
                alive.remove(ticket);
            }
        }

        @Override
        public void onAdmitted(long ticket, long timeMs) {}

        @Override
        public void onToken(long ticket, int completion, int tokenId, long timeMs) {}

        @Override
        public void onFinished(long ticket, GenerationResult result, long timeMs) {
            alive.remove(ticket);
            finished++;
        }

        @Override
        public void onFailed(long ticket, Exception cause) {
            throw new AssertionError(cause);
        }
    }
}
