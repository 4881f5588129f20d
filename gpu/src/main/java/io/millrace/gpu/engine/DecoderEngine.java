package io.millrace.gpu.engine;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.schedule.BlockManager;
import io.millrace.gpu.schedule.PrefixTree;
import io.millrace.gpu.schedule.Scheduler;
import io.millrace.gpu.schedule.StepPlan;
import io.millrace.gpu.speculation.Speculation;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The engine: each step schedules, runs one forward pass, and reports the sampled tokens. If the
 * runner runs ahead, further steps are launched before the tokens of the first are read; see {@link
 * ModelRunner}.
 */
final class DecoderEngine implements Engine {
    private final ModelInfo model;
    private final ModelText text;
    private final EndOfText endOfText;
    private final ModelRunner runner;
    private final RequestCheck requestCheck;
    private final ConstraintCheck constraints;
    private final BlockManager blocks;
    private final PrefixTree tree;
    private final int maxSequences;
    private final Scheduler scheduler;
    private final StepBatch batch;
    private final Speculation speculation;

    /** Outputs by the slot of the step's plan. */
    private final StepOutput[] outputs;

    private final Map<Long, Generation> generations = new HashMap<>();

    /** Resumed requests whose tokens were complete already; reported in the next step. */
    private final Queue<Generation> finishedBefore = new ArrayDeque<>();

    private long lastHandle;
    private long steps;
    private int stepTokens;
    private long promptTokens;
    private long generatedTokens;
    private boolean closed;

    /** The step that is launched, computed or reported; kept if that fails. */
    private volatile StepPlan stepping;

    /** Whether a forward pass began and failed: the KV blocks are then undefined. */
    private boolean dirty;

    /**
     * Owns {@code runner} from here on.
     *
     * @param model with the {@code maxModelLen} of model and options, which the KV cache may lower
     * @param options with the device's defaults applied
     */
    DecoderEngine(
            ModelInfo model,
            ModelText text,
            EndOfText endOfText,
            ModelRunner runner,
            EngineOptions options) {
        this.text = text;
        this.endOfText = endOfText;
        this.runner = runner;
        blocks = new BlockManager(runner.kvBlocks(), runner.blockSize());
        constraints =
                new ConstraintCheck(
                        text,
                        endOfText,
                        runner,
                        options.constraintBytes(Runtime.getRuntime().maxMemory()));
        requestCheck =
                new RequestCheck(
                        runner.vocabularySize(),
                        endOfText,
                        new SequenceRoom(
                                model.context(),
                                model.maxModelLen(),
                                blocks.capacity(),
                                runner.blockSize(),
                                runner.kvBlockBytes(),
                                options.names()),
                        constraints);
        this.model = model.limitedTo(requestCheck.maxModelLen());
        tree = new PrefixTree(blocks);
        int maxBatchedTokens = options.maxBatchedTokens();
        maxSequences = options.maxSequences();
        speculation = new Speculation(options, runner.verifiesDrafts());
        int samples = options.maxSamples();
        scheduler = new Scheduler(tree, maxBatchedTokens, maxSequences, samples, runner.runAhead());
        int rows = Math.min(maxBatchedTokens, maxSequences);
        batch = new StepBatch(maxBatchedTokens, rows);
        outputs = new StepOutput[runner.runAhead() + 1];
        Arrays.setAll(outputs, slot -> new StepOutput(samples));
    }

    @Override
    public ModelInfo model() {
        return model;
    }

    /** A warning about the model's defaults with these options; null for none. */
    String remark() {
        return requestCheck.remark(model.defaultSampling().maxTokens());
    }

    @Override
    public int maxSequences() {
        return maxSequences;
    }

    @Override
    public Tokenizer tokenizer() {
        return text.tokenizer();
    }

    @Override
    public String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        return text.renderChat(prompt);
    }

    @Override
    public StreamedText streamText(SamplingParameters sampling, Consumer<String> out) {
        return new StreamedText(text.tokenizer(), endOfText.stops(sampling), out);
    }

    @Override
    public Constraint compile(Constraint constraint) throws RequestRejectedException {
        return constraints.compile(constraint);
    }

    @Override
    public void check(GenerationRequest request) throws RequestRejectedException {
        requestCheck.check(request);
    }

    @Override
    public long add(GenerationRequest request) throws RequestRejectedException {
        check(request);
        int room = model.context() - request.promptTokenIds().length;
        Generation generation =
                new Generation(
                        ++lastHandle,
                        request,
                        Math.min(request.sampling().maxTokens(), room),
                        constraints.grammar(request.sampling()),
                        speculation.drafting(),
                        endOfText,
                        text.tokenizer());
        generation.held = constraints.hold(request.sampling());
        generations.put(generation.handle, generation);
        if (generation.isFinished()) {
            finishedBefore.add(generation);
        }
        for (CompletionSequence completion : generation.completions()) {
            if (!completion.isFinished()) {
                scheduler.add(completion);
            }
        }
        return generation.handle;
    }

    @Override
    public void cancel(long handle) {
        Generation generation = generations.get(handle);
        if (generation != null) {
            forget(generation);
        }
    }

    @Override
    public boolean hasWork() {
        return scheduler.hasWork() || !finishedBefore.isEmpty();
    }

    @Override
    public void step(StepListener listener) {
        while (!finishedBefore.isEmpty()) {
            finish(finishedBefore.remove(), listener);
        }
        if (!scheduler.hasWork()) {
            return;
        }
        if (dirty) {
            throw new IllegalStateException(
                    "A step of this engine failed before: its KV blocks may hold anything, open a"
                            + " new one.");
        }
        dirty = true;
        launch();
        stepping = scheduler.inFlight(0);
        runner.complete();
        dirty = false;
        StepPlan plan = scheduler.complete();
        steps++;
        stepTokens = plan.tokens();
        long gap = runner.deviceGapNanos();
        if (gap >= 0) {
            listener.onDeviceGap(plan.tokens(), plan.rows(), gap);
        }
        StepOutput output = outputs[plan.slot()];
        for (int row = 0; row < plan.rows(); row++) {
            CompletionSequence completion = (CompletionSequence) plan.sequence(row);
            // A sibling's failure, or the listener, may have ended the request within this step; an
            // earlier step, or a cancellation, after this one was launched.
            if (!completion.isFinished() && !completion.generation().isDead()) {
                update(completion, plan, row, output, listener);
            }
        }
        stepping = null;
    }

    /** Launches as many steps as the runner accepts and as can be planned. */
    private void launch() {
        while (scheduler.inFlight() < outputs.length) {
            StepPlan plan = scheduler.next();
            if (plan.rows() == 0) {
                return;
            }
            stepping = plan;
            StepOutput output = outputs[plan.slot()];
            fill(plan);
            runner.launch(batch, output);
        }
    }

    @Override
    public long[] requestsInStep() {
        StepPlan plan = stepping;
        if (plan == null) {
            return new long[0];
        }
        IntStream inFlight = IntStream.range(0, scheduler.inFlight());
        return Stream.concat(Stream.of(plan), inFlight.mapToObj(scheduler::inFlight))
                .flatMapToLong(DecoderEngine::handles)
                .distinct()
                .toArray();
    }

    private static LongStream handles(StepPlan plan) {
        return IntStream.range(0, plan.rows())
                .mapToObj(row -> (CompletionSequence) plan.sequence(row))
                .mapToLong(completion -> completion.generation().handle);
    }

    @Override
    public boolean stopStep() {
        return runner.stop();
    }

    private void fill(StepPlan plan) {
        batch.tokens = plan.tokens();
        batch.rows = plan.rows();
        int token = 0;
        for (int row = 0; row < plan.rows(); row++) {
            CompletionSequence completion = (CompletionSequence) plan.sequence(row);
            completion.fill(batch, token, plan, row);
            token += plan.count(row);
        }
        batch.rowStart[plan.rows()] = token;
    }

    private void update(
            CompletionSequence completion,
            StepPlan plan,
            int row,
            StepOutput output,
            StepListener listener) {
        Generation generation = completion.generation();
        int drafts = plan.drafts(row);
        int promptLeft = generation.group.promptLength() - plan.position(row);
        promptTokens += Math.max(0, Math.min(plan.count(row), promptLeft));
        scheduler.advance(plan, row);
        if (plan.samples(row) == 0) {
            return;
        }
        int sample = plan.firstSample(row);
        int accepted = 0;
        // A sample behind a draft is the next token if the draft is the token that was sampled.
        while (accept(completion, output, sample + accepted, listener)
                && accepted < drafts
                && completion.isDraft(accepted, output.tokenIds[sample + accepted])) {
            scheduler.confirm(completion);
            accepted++;
        }
        if (drafts > 0) {
            scheduler.trim(completion);
        }
    }

    /**
     * Takes a sample as the next token.
     *
     * @return whether the completion continues
     */
    private boolean accept(
            CompletionSequence completion, StepOutput output, int sample, StepListener listener) {
        Generation generation = completion.generation();
        int token = output.tokenIds[sample];
        if (token < 0) {
            forget(generation);
            listener.onFailed(generation.handle, completion.failure(token));
            return false;
        }
        generatedTokens++;
        completion.accept(token, output.logprobs[sample]);
        if (completion.isFinished()) {
            scheduler.remove(completion);
        }
        if (completion.isLastTokenNew()) {
            listener.onToken(generation.handle, completion.index(), token);
        }
        if (generation.isFinished() && !generation.isDead()) {
            finish(generation, listener);
        }
        return !completion.isFinished() && !generation.isDead();
    }

    private void finish(Generation generation, StepListener listener) {
        forget(generation);
        listener.onFinished(generation.handle, generation.result());
    }

    private void forget(Generation generation) {
        generation.die();
        generations.remove(generation.handle);
        finishedBefore.remove(generation);
        for (CompletionSequence completion : generation.completions()) {
            scheduler.remove(completion);
        }
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                scheduler.running(),
                scheduler.waiting(),
                stepTokens,
                steps,
                tree.blocksInUse(),
                blocks.capacity(),
                scheduler.preemptions(),
                promptTokens,
                scheduler.cachedPromptTokens(),
                generatedTokens,
                scheduler.draftTokens(),
                scheduler.acceptedTokens(),
                runner.gpuMemoryBytes());
    }

    @Override
    public void checkIntegrity() {
        scheduler.checkIntegrity();
        int unfinished = 0;
        for (Generation generation : generations.values()) {
            for (CompletionSequence completion : generation.completions()) {
                unfinished += completion.isFinished() ? 0 : 1;
            }
        }
        int scheduled = scheduler.running() + scheduler.waiting();
        if (unfinished != scheduled) {
            throw new IllegalStateException(
                    "%d completions are unfinished, %d are scheduled."
                            .formatted(unfinished, scheduled));
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            runner.close();
        }
    }
}
