package io.millrace.operators;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.EngineLoader;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * An engine whose device takes no time, to measure what stands around it: tokenizer, template and
 * checks are those of the model that ships, and one step answers all that it was given. An answer
 * has the tokens of the prompt, the last one first.
 */
public final class InstantEngine implements Engine {
    private static final Map<String, AtomicLong> ANSWERED = new ConcurrentHashMap<>();

    private record Added(long handle, GenerationRequest request) {}

    private final Engine model;
    private final EngineOptions options;
    private final Duration stepTime;
    private final AtomicLong answered;
    private final ArrayDeque<Added> added = new ArrayDeque<>();
    private long nextHandle = 1;
    private long steps;
    private long generated;

    private InstantEngine(Engine model, EngineOptions options, Duration stepTime) {
        this.model = model;
        this.options = options;
        this.stepTime = stepTime;
        this.answered = answered(options.modelName());
    }

    /**
     * Options of the model that ships.
     *
     * @param folder the model's
     * @param name of the engine, to tell it from others of this JVM
     */
    public static EngineOptions options(String folder, String name, int maxSequences) {
        return EngineOptions.of(folder)
                .withModelName(name)
                .withDevice(Device.CPU)
                .withMaxSequences(maxSequences);
    }

    public static EngineLoader loader() {
        return new Loader(Duration.ZERO);
    }

    /**
     * Engines whose steps wait before they answer, so that requests are in flight meanwhile.
     *
     * @param stepTime how long
     */
    public static EngineLoader loader(Duration stepTime) {
        return new Loader(stepTime);
    }

    /** Requests that engines of that name have answered. */
    public static AtomicLong answered(String name) {
        return ANSWERED.computeIfAbsent(name, n -> new AtomicLong());
    }

    private static final class Loader implements EngineLoader {
        private static final long serialVersionUID = 1L;

        private final Duration stepTime;

        Loader(Duration stepTime) {
            this.stepTime = stepTime;
        }

        @Override
        public Engine load(EngineOptions options) throws IOException {
            return new InstantEngine(Engine.open(options), options, stepTime);
        }
    }

    /** The tokens of an answer. */
    public static int[] answer(int[] prompt, int maxTokens) {
        int[] tokens = new int[Math.min(prompt.length, maxTokens)];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = prompt[prompt.length - 1 - i];
        }
        return tokens;
    }

    @Override
    public ModelInfo model() {
        return model.model();
    }

    @Override
    public int maxSequences() {
        return options.maxSequences();
    }

    @Override
    public Tokenizer tokenizer() {
        return model.tokenizer();
    }

    @Override
    public String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        return model.renderChat(prompt);
    }

    @Override
    public void check(GenerationRequest request) throws RequestRejectedException {
        model.check(request);
    }

    @Override
    public long add(GenerationRequest request) throws RequestRejectedException {
        model.check(request);
        long handle = nextHandle++;
        added.add(new Added(handle, request));
        return handle;
    }

    @Override
    public void cancel(long handle) {
        added.removeIf(each -> each.handle() == handle);
    }

    @Override
    public boolean hasWork() {
        return !added.isEmpty();
    }

    @Override
    public void step(StepListener listener) {
        steps++;
        LockSupport.parkNanos(stepTime.toNanos());
        while (!added.isEmpty()) {
            Added next = added.poll();
            GenerationRequest request = next.request();
            int[] tokens = answer(request.promptTokenIds(), request.sampling().maxTokens());
            List<Completion> completions = new ArrayList<>(1);
            for (int i = 0; i < request.sampling().n(); i++) {
                int kept = i < request.generated().size() ? request.generated().get(i).length : 0;
                for (int at = kept; at < tokens.length; at++) {
                    listener.onToken(next.handle(), i, tokens[at]);
                }
                generated += tokens.length - kept;
                completions.add(
                        new Completion(
                                i,
                                model.tokenizer().decode(tokens),
                                tokens,
                                tokens.length < request.promptTokenIds().length
                                        ? FinishReason.LENGTH
                                        : FinishReason.STOP,
                                null));
            }
            listener.onFinished(
                    next.handle(),
                    new GenerationResult(
                            request.id(), request.promptTokenIds().length, 0, completions));
            answered.incrementAndGet();
        }
    }

    @Override
    public long[] requestsInStep() {
        return new long[0];
    }

    @Override
    public boolean stopStep() {
        return false;
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(added.size(), 0, 0, steps, 0, 1, 0, 0, 0, generated, 0, 0, 0);
    }

    @Override
    public void checkIntegrity() {}

    @Override
    public void close() {
        model.close();
    }
}
