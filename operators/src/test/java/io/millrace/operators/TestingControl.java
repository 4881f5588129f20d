package io.millrace.operators;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.Tokenizer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Steers and watches the {@link TestingEngine}s of one name, also those inside a MiniCluster. Any
 * thread.
 */
public final class TestingControl {
    private static final Map<String, TestingControl> BY_NAME = new ConcurrentHashMap<>();
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** A held step looks this often whether its engine shall close. */
    private static final long HELD_STEP_MS = 10;

    private record FailurePoint(String id, int position) {}

    private final Map<FailurePoint, Supplier<? extends Throwable>> failures = new HashMap<>();
    private final Map<String, RuntimeException> poison = new HashMap<>();
    private final Map<String, Integer> decoded = new HashMap<>();
    private final List<GenerationRequest> added = new ArrayList<>();
    private final Map<FailurePoint, Supplier<? extends Throwable>> lasting = new HashMap<>();
    private final Map<FailurePoint, Boolean> hangs = new HashMap<>();
    private final List<String> texts = new ArrayList<>();
    private final Set<Thread> tokenizing = new HashSet<>();
    private String heldText;
    private Tokenizer tokenizer;
    private int vocabulary = TestingEngine.VOCABULARY;
    private IOException loadFailure;
    private int stops;
    private boolean hanging;
    private int made;
    private int alone;
    private int most;
    private boolean held;
    private boolean loadHeld;
    private long permits;
    private long steps;
    private int loads;
    private int open;
    private int cancelled;
    private final List<Long> finishes = new ArrayList<>();
    private long stepNanos;

    private TestingControl() {}

    /** The control of the engines that {@code TestingEngine.options(name)} opens. */
    public static TestingControl of(String name) {
        return BY_NAME.computeIfAbsent(name, n -> new TestingControl());
    }

    // What tests do ----------------------------------------------------------------------------

    /** Steps wait for {@link #step} from now on. */
    public synchronized TestingControl hold() {
        held = true;
        permits = 0;
        return this;
    }

    /** Lets {@code count} held steps run and waits until they have. */
    public void step(int count) {
        long target;
        synchronized (this) {
            permits += count;
            target = steps + permits;
            notifyAll();
        }
        await(() -> steps >= target, count + " steps");
    }

    /** Steps run freely again. */
    public synchronized void release() {
        held = false;
        notifyAll();
    }

    /** Tokenizing a text with this in it waits until {@link #releaseTexts}. */
    public synchronized TestingControl holdTexts(String part) {
        heldText = part;
        return this;
    }

    public synchronized void releaseTexts() {
        heldText = null;
        notifyAll();
    }

    /** Texts tokenized or being tokenized, in order. */
    public synchronized List<String> texts() {
        return List.copyOf(texts);
    }

    /** Threads that tokenized. */
    public synchronized Set<Thread> tokenizing() {
        return Set.copyOf(tokenizing);
    }

    public void awaitTexts(int count) {
        await(() -> texts.size() >= count, count + " texts");
    }

    /** Engines tokenize with this one from now on, whose token ids are below {@code vocabulary}. */
    public synchronized TestingControl tokenizer(Tokenizer value, int vocabulary) {
        tokenizer = value;
        this.vocabulary = vocabulary;
        return this;
    }

    /** Loading waits until {@link #releaseLoads}. */
    public synchronized TestingControl holdLoads() {
        loadHeld = true;
        return this;
    }

    public synchronized void releaseLoads() {
        loadHeld = false;
        notifyAll();
    }

    /** The next load fails, once. */
    public synchronized TestingControl failLoad(IOException failure) {
        loadFailure = failure;
        return this;
    }

    /** Time that a step takes. */
    public synchronized TestingControl stepTime(Duration time) {
        stepNanos = time.toNanos();
        return this;
    }

    /** The step that would generate this token of request {@code id} throws, once. */
    public synchronized TestingControl failAt(
            String id, int position, Supplier<? extends Throwable> failure) {
        failures.put(new FailurePoint(id, position), failure);
        return this;
    }

    /** The step that would generate this token of request {@code id} throws, always. */
    public synchronized TestingControl failAlwaysAt(
            String id, int position, Supplier<? extends Throwable> failure) {
        lasting.put(new FailurePoint(id, position), failure);
        return this;
    }

    /** The step that would generate this token of request {@code id} never ends by itself. */
    public synchronized TestingControl hangAlwaysAt(String id, int position) {
        hangs.put(new FailurePoint(id, position), true);
        return this;
    }

    /** Steps with one request only. */
    public synchronized int stepsAlone() {
        return alone;
    }

    /** Most requests in a step. */
    public synchronized int mostAtOnce() {
        return most;
    }

    /** Taking request {@code id} throws, always. */
    public synchronized TestingControl poison(String id, RuntimeException failure) {
        poison.put(id, failure);
        return this;
    }

    /** Tokens generated for request {@code id} by all engines of this name together. */
    public synchronized int decoded(String id) {
        return decoded.getOrDefault(id, 0);
    }

    /** Requests taken, in order, by all engines of this name together. */
    public synchronized List<GenerationRequest> added() {
        return List.copyOf(added);
    }

    /** The numbers of the steps, from 1, in which requests were finished, in order. */
    public synchronized List<Long> finishes() {
        return List.copyOf(finishes);
    }

    /** A request was finished in the step that ends next. */
    synchronized void onFinished() {
        finishes.add(steps + 1);
    }

    public synchronized int loads() {
        return loads;
    }

    /** Engines not closed. */
    public synchronized int open() {
        return open;
    }

    /** Running requests that were cancelled. */
    public synchronized int cancelled() {
        return cancelled;
    }

    public void awaitDecoded(String id, int count) {
        await(() -> decoded.getOrDefault(id, 0) >= count, count + " tokens of " + id);
    }

    /** A source has made a request: all that its task does with it comes before a barrier. */
    public synchronized void onMade() {
        made++;
        notifyAll();
    }

    /** Requests that sources have made, of those that tell. */
    public synchronized int made() {
        return made;
    }

    public void awaitMade(int count) {
        await(() -> made >= count, count + " requests from the source");
    }

    public void awaitAdded(int count) {
        await(() -> added.size() >= count, count + " requests");
    }

    public void awaitSteps(long count) {
        await(() -> steps >= count, count + " steps");
    }

    public void awaitOpen(int count) {
        await(() -> open == count, count + " open engines");
    }

    public void awaitLoads(int count) {
        await(() -> loads >= count, count + " loads");
    }

    private synchronized void await(BooleanSupplier condition, String what) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        try {
            while (!condition.getAsBoolean()) {
                long left = (end - System.nanoTime()) / 1_000_000;
                if (left <= 0) {
                    throw new AssertionError("Waited in vain for " + what + ".");
                }
                wait(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("Interrupted while waiting for " + what + ".", e);
        }
    }

    // What engines do --------------------------------------------------------------------------

    synchronized void onLoad() throws IOException {
        loads++;
        notifyAll();
        while (loadHeld) {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new IOException("Interrupted while loading.", e);
            }
        }
        if (loadFailure != null) {
            IOException failure = loadFailure;
            loadFailure = null;
            throw failure;
        }
    }

    /** Null for the engine's own. */
    synchronized Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Token ids that an engine knows. */
    synchronized int vocabulary() {
        return vocabulary;
    }

    synchronized void beforeEncode(String text) {
        texts.add(text);
        tokenizing.add(Thread.currentThread());
        notifyAll();
        await(() -> heldText == null || !text.contains(heldText), "a text to be released");
    }

    synchronized void onOpened() {
        open++;
        notifyAll();
    }

    synchronized void onClosed() {
        open--;
        notifyAll();
    }

    /** Whether a step may run now; waits a little for it, never long. */
    synchronized boolean mayStep() {
        if (held && permits == 0) {
            try {
                wait(HELD_STEP_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        if (held) {
            if (permits == 0) {
                return false;
            }
            permits--;
        }
        return true;
    }

    synchronized long stepNanos() {
        return stepNanos;
    }

    synchronized void onAdd(GenerationRequest request) {
        RuntimeException failure = poison.get(request.id());
        if (failure != null) {
            throw failure;
        }
        added.add(request);
        notifyAll();
    }

    synchronized void onStepOf(int requests) {
        most = Math.max(most, requests);
        alone += requests == 1 ? 1 : 0;
    }

    /**
     * Ends the step that hangs, by an exception, and waits for that: a watchdog that ran on could
     * give up before the step had its turn.
     */
    synchronized boolean stopStep() {
        stops++;
        notifyAll();
        await(() -> !hanging, "the step to stop");
        return true;
    }

    private synchronized void hang() {
        int seen = stops;
        hanging = true;
        try {
            await(() -> stops > seen, "somebody to stop the step");
        } finally {
            hanging = false;
            notifyAll();
        }
        throw new IllegalStateException("stopped");
    }

    void beforeToken(String id, int position) {
        FailurePoint point = new FailurePoint(id, position);
        Supplier<? extends Throwable> failure;
        boolean hangs;
        synchronized (this) {
            failure = failures.remove(point);
            failure = failure == null ? lasting.get(point) : failure;
            hangs = this.hangs.containsKey(point);
        }
        if (hangs) {
            hang();
        }
        if (failure != null) {
            TestingControl.<RuntimeException>sneak(failure.get());
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable failure) throws E {
        throw (E) failure;
    }

    synchronized void onToken(String id) {
        decoded.merge(id, 1, Integer::sum);
    }

    synchronized void onCancelled() {
        cancelled++;
        notifyAll();
    }

    synchronized void onStep() {
        steps++;
        notifyAll();
    }
}
