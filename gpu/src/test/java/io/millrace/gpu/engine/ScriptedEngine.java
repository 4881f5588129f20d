package io.millrace.gpu.engine;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.api.Tokenizer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** An engine for tests of its thread: token {@code i} of every request is {@code i}. */
public final class ScriptedEngine implements Engine {
    final AtomicInteger steps = new AtomicInteger();
    public final AtomicInteger cancelled = new AtomicInteger();
    public final CountDownLatch closed = new CountDownLatch(1);

    /** A step takes one; plenty unless a test drains it. */
    public final Semaphore permits = new Semaphore(1_000_000);

    public volatile Throwable stepFailure;
    public volatile RuntimeException addFailure;
    public volatile Throwable closeFailure;

    /** What every request is refused with; null refuses those without a prompt alone. */
    public volatile String refusal;

    /** What asking for the requests in a step throws. */
    volatile Error askFailure;

    /** Handle that the next step fails on, alone; 0 for none. */
    public volatile long giveUp;

    /** Steps wait for it; asking them to stop opens it, if they can be stopped. */
    volatile CountDownLatch stuck;

    volatile boolean stoppable;
    final CountDownLatch stopAsked = new CountDownLatch(1);

    /** Who asked a stoppable step to stop waits for it: so nobody gives up a step that ends. */
    volatile CountDownLatch stopReturns = new CountDownLatch(0);

    /** Most requests in a step so far. */
    volatile int mostAtOnce;

    /** Run within each step. */
    public volatile Runnable duringStep = () -> {};

    private List<Long> inStep = List.of();

    public volatile ClassLoader contextClassLoader;
    volatile Thread thread;

    private final Map<Long, Integer> left = new LinkedHashMap<>();
    private final Map<Long, String> ids = new HashMap<>();
    private long handles;

    @Override
    public ModelInfo model() {
        return new ModelInfo(
                "scripted",
                "fingerprint",
                new FingerprintParts("m", "t", "k"),
                EarlierFingerprints.NONE,
                97,
                1000,
                1000,
                SamplingParameters.greedy(1),
                EngineOptions.ToolFormat.NONE,
                EngineOptions.Reasoning.NONE,
                "testing");
    }

    @Override
    public int maxSequences() {
        return 17;
    }

    @Override
    public Tokenizer tokenizer() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void check(GenerationRequest request) throws RequestRejectedException {
        if (refusal != null) {
            throw new RequestRejectedException(
                    RequestRejectedException.Reason.PROMPT_TOO_LONG, refusal);
        }
        if (request.promptTokenIds().length == 0) {
            throw new RequestRejectedException(
                    RequestRejectedException.Reason.EMPTY_PROMPT, "empty");
        }
    }

    @Override
    public long add(GenerationRequest request) throws RequestRejectedException {
        check(request);
        if (addFailure != null) {
            throw addFailure;
        }
        left.put(++handles, request.sampling().maxTokens());
        ids.put(handles, request.id());
        return handles;
    }

    @Override
    public void cancel(long handle) {
        if (left.remove(handle) != null) {
            cancelled.incrementAndGet();
        }
    }

    @Override
    public boolean hasWork() {
        return !left.isEmpty();
    }

    @Override
    public void step(StepListener listener) {
        thread = Thread.currentThread();
        contextClassLoader = thread.getContextClassLoader();
        try {
            if (!permits.tryAcquire(10, TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        synchronized (this) {
            inStep = List.copyOf(left.keySet());
        }
        duringStep.run();
        mostAtOnce = Math.max(mostAtOnce, left.size());
        if (stuck != null) {
            try {
                stuck.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            if (stopAsked.getCount() == 0) {
                throw new IllegalStateException("stopped");
            }
        }
        if (stepFailure != null) {
            ScriptedEngine.<RuntimeException>sneak(stepFailure);
        }
        if (left.remove(giveUp) != null) {
            listener.onFailed(giveUp, "given up");
        }
        for (Map.Entry<Long, Integer> entry : Map.copyOf(left).entrySet()) {
            listener.onToken(entry.getKey(), 0, steps.get());
            left.put(entry.getKey(), entry.getValue() - 1);
            if (entry.getValue() == 1) {
                left.remove(entry.getKey());
                listener.onFinished(
                        entry.getKey(),
                        new GenerationResult(
                                ids.remove(entry.getKey()),
                                1,
                                0,
                                List.of(
                                        new Completion(
                                                0, "", new int[0], FinishReason.LENGTH, null))));
            }
        }
        synchronized (this) {
            steps.incrementAndGet();
            notifyAll();
        }
    }

    /** Waits until that many steps have run. */
    public synchronized void stepped(int count) throws InterruptedException {
        while (steps.get() < count) {
            wait();
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable failure) throws E {
        throw (E) failure;
    }

    @Override
    public synchronized long[] requestsInStep() {
        if (askFailure != null) {
            throw askFailure;
        }
        return inStep.stream().mapToLong(Long::longValue).toArray();
    }

    @Override
    public boolean stopStep() {
        stopAsked.countDown();
        if (stoppable) {
            stuck.countDown();
            try {
                stopReturns.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        return stoppable;
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(left.size(), 0, 0, steps.get(), 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    @Override
    public void checkIntegrity() {}

    @Override
    public void close() {
        left.clear();
        closed.countDown();
        if (closeFailure != null) {
            ScriptedEngine.<RuntimeException>sneak(closeFailure);
        }
    }
}
