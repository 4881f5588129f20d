package io.millrace.jobs.verify;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.OpenEngine;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SharedEngine;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.request.RequestMapper;
import io.millrace.operators.tool.AnswerReader;
import io.millrace.operators.tool.RequestTools;
import io.millrace.operators.tool.ToolUse;
import io.millrace.schemas.InferenceRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Answers requests again, in ways that make no difference by the first law. Owns one engine at a
 * time, as memory may not suffice for two. One thread.
 */
final class Recomputation implements AutoCloseable {
    /** Tokens per step: odd, and less than most prompts. */
    private static final int[] STEP_TOKENS = {33, 54};

    private static final int[] SEQUENCES = {5, 7};
    private static final int SUBTASKS = 3;

    /** Two times that differ in every format of a template's clock. */
    private static final long[] CLOCKS = {1_000_000_000_000L, 1_687_654_321_000L};

    private final EngineOptions options;
    private final EngineOptions otherwise;
    private final LoadProgress progress;
    private final ModelInfo model;

    /** What a request has where it does not say. */
    private final SamplingParameters defaults;

    private final RequestTools tools;
    private final AnswerReader reader;

    private Engine engine;
    private EngineSession session;

    /**
     * @param constraint the job's; null without one
     */
    Recomputation(EngineOptions options, Constraint constraint, LoadProgress progress)
            throws IOException {
        this.options = options;
        this.progress = progress;
        this.otherwise =
                options.withMaxBatchedTokens(other(STEP_TOKENS, options.maxBatchedTokens()))
                        .withMaxSequences(other(SEQUENCES, options.maxSequences()));
        engine = Engine.open(options, progress);
        model = engine.model();
        tools = new RequestTools(model.toolFormat(), null);
        reader = new AnswerReader(model, engine.tokenizer(), tools, constraint != null);
        defaults = model.defaultSampling().toBuilder().constraint(constraint).build();
    }

    private static int other(int[] of, int than) {
        return of[0] == than ? of[1] : of[0];
    }

    ModelInfo model() {
        return model;
    }

    /** Takes answers apart. */
    AnswerReader reader() {
        return reader;
    }

    /**
     * The prepared request for the engine.
     *
     * @throws RequestRejectedException it cannot be answered here
     */
    GenerationRequest prepare(Sample.Question question) throws RequestRejectedException {
        InferenceRequest request = question.request();
        SamplingParameters sampling = RequestMapper.sampling(request, defaults);
        ToolUse use = tools.of(request);
        if (use != null && use.isForced()) {
            sampling = sampling.toBuilder().constraint(use.constraint()).build();
        }
        GenerationRequest generation =
                new GenerationRequest(
                        request.getId(),
                        prompt(question.entry(), request),
                        sampling,
                        request.getPriority() == null ? 0 : request.getPriority(),
                        List.of());
        engine.check(generation);
        return generation;
    }

    private int[] prompt(Entry entry, InferenceRequest request) throws RequestRejectedException {
        if (request.getMessages() == null) {
            return request.getPrompt() == null
                    ? request.getPromptTokenIds().stream().mapToInt(Integer::intValue).toArray()
                    : engine.tokenizer().encode(request.getPrompt());
        }
        if (!entry.isOfFile()) {
            return conversation(entry, request, entry.timestamp());
        }
        int[] prompt = conversation(entry, request, CLOCKS[0]);
        if (!Arrays.equals(prompt, conversation(entry, request, CLOCKS[1]))) {
            throw new RequestRejectedException(
                    RequestRejectedException.Reason.UNSUPPORTED,
                    "the model's chat template writes the time of the request's record, which a"
                            + " file does not have: give --requests the topic");
        }
        return prompt;
    }

    private int[] conversation(Entry entry, InferenceRequest request, long timeMs)
            throws RequestRejectedException {
        ToolUse use = tools.of(request);
        String rendered = engine.renderChat(RequestMapper.chat(request, entry.origin(timeMs), use));
        return engine.tokenizer().encodeRendered(use == null ? rendered : use.opened(rendered));
    }

    /** Description of a way. */
    String describe(Way way) {
        return switch (way) {
            case ALONE -> "one after the other";
            case SHUFFLED ->
                    "all at once in another order, %d tokens a step, %d sequences"
                            .formatted(options.maxBatchedTokens(), options.maxSequences());
            case CHUNKS ->
                    "%d tokens a step, %d sequences"
                            .formatted(otherwise.maxBatchedTokens(), otherwise.maxSequences());
            case SUBTASKS -> "the same, divided among " + SUBTASKS + " subtasks";
        };
    }

    /** Answers all requests, in order. Ways must be called in the order of {@link Way}. */
    List<GenerationResult> run(Way way, List<GenerationRequest> requests, long seed)
            throws IOException, InterruptedException, RequestRejectedException {
        return switch (way) {
            case ALONE -> alone(requests);
            case SHUFFLED -> shuffled(requests, seed);
            case CHUNKS -> divided(requests, 1);
            case SUBTASKS -> divided(requests, SUBTASKS);
        };
    }

    private List<GenerationResult> alone(List<GenerationRequest> requests)
            throws RequestRejectedException {
        List<GenerationResult> results = new ArrayList<>(requests.size());
        for (GenerationRequest request : requests) {
            progress.onProgress("alone", results.size(), requests.size());
            results.addAll(engine.complete(List.of(request)));
        }
        return results;
    }

    private List<GenerationResult> shuffled(List<GenerationRequest> requests, long seed)
            throws RequestRejectedException {
        List<Integer> order = new ArrayList<>(IntStream.range(0, requests.size()).boxed().toList());
        Collections.shuffle(order, new Random(seed));
        List<GenerationResult> shuffled =
                engine.complete(order.stream().map(requests::get).toList());
        GenerationResult[] results = new GenerationResult[requests.size()];
        for (int i = 0; i < results.length; i++) {
            results[order.get(i)] = shuffled.get(i);
        }
        return Arrays.asList(results);
    }

    /** Answers as several subtasks of a job do: each with its own session on one shared engine. */
    private List<GenerationResult> divided(List<GenerationRequest> requests, int subtasks)
            throws IOException, InterruptedException {
        openOtherwise();
        GenerationResult[] results = new GenerationResult[requests.size()];
        ExecutorService threads = Executors.newFixedThreadPool(subtasks);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int first = 0; first < subtasks; first++) {
                Subtask subtask = new Subtask(requests, results, first, subtasks);
                running.add(
                        threads.submit(
                                () -> {
                                    try (EngineSession own = acquire()) {
                                        subtask.run(own);
                                    }
                                    return null;
                                }));
            }
            for (Future<?> each : running) {
                each.get();
            }
        } catch (ExecutionException e) {
            throw new CommandFailedException(
                    "The engine failed while answers were computed again: "
                            + e.getCause().getMessage(),
                    e.getCause());
        } finally {
            threads.shutdownNow();
        }
        return Arrays.asList(results);
    }

    private void openOtherwise() throws IOException, InterruptedException {
        if (session != null) {
            return;
        }
        engine.close();
        engine = null;
        session = acquire();
    }

    private EngineSession acquire() throws IOException, InterruptedException {
        return SharedEngine.acquire(otherwise, new OpenEngine(progress));
    }

    @Override
    public void close() {
        if (engine != null) {
            engine.close();
        }
        if (session != null) {
            session.close();
        }
    }
}
