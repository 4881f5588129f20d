package io.millrace.operators;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.ChatTurn;
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
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.EngineLoader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * An engine without a model: an answer is a hash of prompt, seed, completion and position, one
 * token a step for each running completion; those that wait begin by priority. Tests steer it
 * through the {@link TestingControl} of its name.
 *
 * <p>A request with {@code ignore_eos} gets exactly {@code max_tokens} tokens, another one a number
 * from 1 to that. A prompt has one token a character.
 */
public final class TestingEngine implements Engine {
    public static final String MODEL = "testing";
    public static final int VOCABULARY = 97;
    public static final int DEFAULT_MAX_MODEL_LEN = 4096;

    private final Tokenizer tokenizer =
            new Tokenizer() {
                @Override
                public int[] encode(String text) {
                    control.beforeEncode(text);
                    return text.chars().map(c -> c % VOCABULARY).toArray();
                }

                /** A bound, not a close one: so what is refused by length and after it differ. */
                @Override
                public long leastTokens(String text) {
                    return text.length() / 2;
                }

                @Override
                public String decode(int[] tokenIds) {
                    StringBuilder text = new StringBuilder();
                    for (int id : tokenIds) {
                        text.append((char) ('a' + id % 26));
                    }
                    return text.toString();
                }
            };

    private static final class Running {
        final GenerationRequest request;
        final int[][] answers;
        final int[] counts;
        boolean begun;

        Running(GenerationRequest request) {
            this.request = request;
            int n = request.sampling().n();
            answers = new int[n][];
            counts = new int[n];
            for (int i = 0; i < n; i++) {
                answers[i] = answer(request, i);
                counts[i] = i < request.generated().size() ? request.generated().get(i).length : 0;
            }
        }

        boolean isFinished() {
            for (int i = 0; i < counts.length; i++) {
                if (counts[i] < answers[i].length) {
                    return false;
                }
            }
            return true;
        }
    }

    private final EngineOptions options;
    private final TestingControl control;
    private final ModelInfo model;
    private final Map<Long, Running> requests = new LinkedHashMap<>();
    private long nextHandle = 1;
    private volatile List<Long> inStep = List.of();
    private long steps;
    private long generated;
    private int lastStepTokens;
    private Thread owner;
    private boolean closed;

    private TestingEngine(EngineOptions options, TestingControl control) {
        this.options = options;
        this.control = control;
        int maxModelLen =
                options.maxModelLen() == 0 ? DEFAULT_MAX_MODEL_LEN : options.maxModelLen();
        this.model =
                new ModelInfo(
                        options.modelName(),
                        "fingerprint of " + options.modelName(),
                        new FingerprintParts(
                                "weights of " + options.modelName(), "characters", "hash"),
                        EarlierFingerprints.NONE,
                        control.vocabulary(),
                        maxModelLen,
                        maxModelLen,
                        SamplingParameters.greedy(16),
                        options.toolFormat() == EngineOptions.ToolFormat.AUTO
                                ? EngineOptions.ToolFormat.NONE
                                : options.toolFormat(),
                        options.reasoning() == EngineOptions.Reasoning.AUTO
                                ? EngineOptions.Reasoning.NONE
                                : options.reasoning(),
                        "testing");
        control.onOpened();
    }

    /** Options whose engine {@code TestingControl.of(name)} steers; names set tests apart. */
    public static EngineOptions options(String name) {
        return EngineOptions.of(name).withModelName(MODEL);
    }

    /** Opens testing engines. */
    public static EngineLoader loader() {
        return new Loader();
    }

    private static final class Loader implements EngineLoader {
        private static final long serialVersionUID = 1L;

        @Override
        public Engine load(EngineOptions options) throws IOException {
            TestingControl control = TestingControl.of(options.model());
            control.onLoad();
            return new TestingEngine(options.forDevice(false), control);
        }
    }

    /**
     * All tokens of one completion of a request: a pure function, whatever was generated before.
     */
    public static int[] answer(GenerationRequest request, int completion) {
        SamplingParameters sampling = request.sampling();
        long seed = sampling.seed() == null ? request.id().hashCode() : sampling.seed();
        long hash = Arrays.hashCode(request.promptTokenIds()) * 31L + completion;
        if (sampling.temperature() > 0) {
            hash = hash * 31 + seed;
        }
        int length = sampling.maxTokens();
        if (!sampling.ignoreEos()) {
            length = 1 + (int) Math.floorMod(mix(hash), (long) length);
        }
        length = Math.min(length, DEFAULT_MAX_MODEL_LEN);
        int[] tokens = new int[length];
        for (int i = 0; i < length; i++) {
            tokens[i] = (int) Math.floorMod(mix(hash + 1000L * (i + 1)), (long) VOCABULARY);
        }
        return tokens;
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 33)) * 0xff51afd7ed558ccdL;
        z = (z ^ (z >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return z ^ (z >>> 33);
    }

    @Override
    public ModelInfo model() {
        return model;
    }

    @Override
    public int maxSequences() {
        return options.maxSequences();
    }

    /** Writes each turn and the time; a role can be the name of a reason to refuse. */
    @Override
    public String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        StringBuilder text = new StringBuilder();
        for (ChatTurn turn : prompt.messages()) {
            for (Reason reason : Reason.values()) {
                if (reason.name().equals(turn.role())) {
                    throw new RequestRejectedException(reason, turn.content());
                }
            }
            text.append(turn.role()).append(": ").append(turn.content()).append('\n');
        }
        return text + prompt.clock().toString();
    }

    @Override
    public Tokenizer tokenizer() {
        return control.tokenizer() == null ? tokenizer : control.tokenizer();
    }

    @Override
    public void check(GenerationRequest request) throws RequestRejectedException {
        int prompt = request.promptTokenIds().length;
        if (prompt == 0) {
            throw new RequestRejectedException(Reason.EMPTY_PROMPT, "The prompt has no token.");
        }
        if (prompt >= model.maxModelLen()) {
            throw new RequestRejectedException(
                    Reason.PROMPT_TOO_LONG,
                    "The prompt has "
                            + prompt
                            + " tokens; at most "
                            + (model.maxModelLen() - 1)
                            + " fit.");
        }
        for (int id : request.promptTokenIds()) {
            if (id >= model.vocabularySize()) {
                throw new RequestRejectedException(
                        Reason.INVALID_PARAMETER, "Token " + id + " is not in the vocabulary.");
            }
        }
    }

    @Override
    public long add(GenerationRequest request) throws RequestRejectedException {
        checkOwner();
        check(request);
        control.onAdd(request);
        long handle = nextHandle++;
        requests.put(handle, new Running(request));
        return handle;
    }

    @Override
    public void cancel(long handle) {
        checkOwner();
        if (requests.remove(handle) != null) {
            control.onCancelled();
        }
    }

    @Override
    public boolean hasWork() {
        checkOwner();
        return !requests.isEmpty();
    }

    @Override
    public void step(StepListener listener) {
        checkOwner();
        if (!control.mayStep()) {
            return;
        }
        if (control.stepNanos() > 0) {
            LockSupport.parkNanos(control.stepNanos());
        }
        inStep = List.copyOf(requests.keySet());
        control.onStepOf(inStep.size());
        steps++;
        lastStepTokens = 0;
        List<Long> finished = new ArrayList<>();
        int sequences = 0;
        for (Map.Entry<Long, Running> entry : scheduled()) {
            Running running = entry.getValue();
            if (sequences + running.counts.length > options.maxSequences() && sequences > 0) {
                break;
            }
            sequences += running.counts.length;
            running.begun = true;
            for (int i = 0; i < running.counts.length; i++) {
                if (running.counts[i] < running.answers[i].length) {
                    control.beforeToken(running.request.id(), running.counts[i]);
                    int token = running.answers[i][running.counts[i]++];
                    generated++;
                    lastStepTokens++;
                    listener.onToken(entry.getKey(), i, token);
                    control.onToken(running.request.id());
                }
            }
            if (running.isFinished()) {
                finished.add(entry.getKey());
            }
        }
        for (long handle : finished) {
            listener.onFinished(handle, result(requests.remove(handle)));
            control.onFinished();
        }
        control.onStep();
    }

    /** Those that have begun, then the others by priority, each in order of arrival. */
    private List<Map.Entry<Long, Running>> scheduled() {
        List<Map.Entry<Long, Running>> all = new ArrayList<>(requests.entrySet());
        all.sort(
                Comparator.comparingLong(
                        each ->
                                each.getValue().begun
                                        ? Long.MIN_VALUE
                                        : each.getValue().request.priority()));
        return all;
    }

    private GenerationResult result(Running running) {
        List<Completion> completions = new ArrayList<>();
        for (int i = 0; i < running.answers.length; i++) {
            int[] tokens = running.answers[i];
            completions.add(
                    new Completion(
                            i,
                            tokenizer.decode(tokens),
                            tokens,
                            tokens.length == running.request.sampling().maxTokens()
                                    ? FinishReason.LENGTH
                                    : FinishReason.STOP,
                            null));
        }
        return new GenerationResult(
                running.request.id(), running.request.promptTokenIds().length, 0, completions);
    }

    @Override
    public long[] requestsInStep() {
        return inStep.stream().mapToLong(Long::longValue).toArray();
    }

    @Override
    public boolean stopStep() {
        return control.stopStep();
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                requests.size(), 0, lastStepTokens, steps, 0, 1024, 0, 0, 0, generated, 0, 0, 0);
    }

    @Override
    public void checkIntegrity() {}

    @Override
    public void close() {
        checkOwner();
        closed = true;
        control.onClosed();
    }

    /** The contract allows one thread at a time; the engine's own thread is the only one. */
    private void checkOwner() {
        if (closed) {
            throw new IllegalStateException("The engine is closed.");
        }
        if (owner == null) {
            owner = Thread.currentThread();
        }
        if (owner != Thread.currentThread()) {
            throw new IllegalStateException(
                    "The engine belongs to " + owner + ", not to " + Thread.currentThread());
        }
    }
}
