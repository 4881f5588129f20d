package io.millrace.gpu.device.cuda;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.CudaDriver;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.GpuRequirements;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.step.StepGraphs;
import io.millrace.gpu.model.Decoder;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;

/**
 * Runs steps of one model on one GPU. Owns the context and all that lies on the device.
 *
 * <p>It runs ahead: all of a step is queued on one stream behind the step before it, whose tokens
 * the device puts into the step's tables itself.
 */
public final class CudaModelRunner implements ModelRunner {
    /**
     * Steps that may be in flight when another is launched. One is enough to take the host off the
     * device's path as long as a turn of the host is shorter than a step; each more makes a request
     * that arrives wait for one more, and takes memory for the counts of as many rows.
     */
    static final int RUN_AHEAD = 1;

    /** As {@link ModelRunner#verifiesDrafts}: its kernels sample one token of a row. */
    public static final boolean VERIFIES_DRAFTS = false;

    /** For measuring what others would give; see docs/kernels.md. */
    private static final String RUN_AHEAD_PROPERTY = "millrace.cuda.run-ahead";

    /** For measuring what is saved by not writing them; see docs/kernels.md. */
    public static final String KEEP_LOGITS_PROPERTY = "millrace.cuda.keep-logits";

    private static final int MOST_AHEAD = 16;
    private static final int BLOCK_MULTIPLE = 8;
    private static final int MOST_HEAD_SIZE = 128;

    /** Makes a runner's backend: the one of a benchmark can leave kernels out. */
    public interface BackendMaker {
        /** See the constructor of {@link CudaBackend}. */
        CudaBackend make(
                CudaContext context,
                KernelIndex index,
                ModelSizes model,
                StepLimits limits,
                Segmentation segmentation)
                throws IOException;
    }

    private final CudaContext context;
    private final ModelFolder folder;
    private final CudaBackend backend;
    private final Decoder<CudaMatrix, DeviceMemory, CudaBackend.Activation> decoder;
    private final StepGraphs graphs;
    private final int blocks;
    private final int blockSize;
    private final int runAhead;
    private final Runnable step = this::step;

    private CudaModelRunner(
            CudaContext context,
            ModelFolder folder,
            CudaBackend backend,
            Decoder<CudaMatrix, DeviceMemory, CudaBackend.Activation> decoder,
            int blocks,
            int blockSize,
            int runAhead) {
        this.context = context;
        this.folder = folder;
        this.backend = backend;
        this.decoder = decoder;
        this.blocks = blocks;
        this.blockSize = blockSize;
        this.runAhead = runAhead;
        graphs = new StepGraphs(context);
    }

    /**
     * Says why a GPU cannot be used, in one sentence; null if it can. Costs nothing where there is
     * no driver, and loads no native library then.
     */
    public static String reasonAgainst(int gpu) {
        try {
            KernelIndex.read();
            if (!CudaDriver.isInstalled()) {
                throw GpuRequirements.noDriver(null);
            }
            CudaDriver.start();
            CudaDriver.device(index(gpu));
            return null;
        } catch (IOException e) {
            return e.getMessage();
        }
    }

    /**
     * Loads the weights and allocates the KV cache.
     *
     * @throws GpuException a GPU that cannot be used, or too little of its memory
     * @throws InvalidModelException a model or an option that cannot be honoured
     */
    public static CudaModelRunner open(
            ModelFolder folder, EngineOptions options, LoadProgress progress) throws IOException {
        return open(folder, options, Segmentation.CONTRACT, runAheadAsked(), progress);
    }

    /**
     * The same, but products cut their sums as suits a step and this GPU: what a row gets then
     * depends on the rows beside it. For measuring what the contract costs.
     */
    public static CudaModelRunner openFree(
            ModelFolder folder, EngineOptions options, LoadProgress progress) throws IOException {
        return open(folder, options, Segmentation.FREE, runAheadAsked(), progress);
    }

    private static int runAheadAsked() {
        return Integer.getInteger(RUN_AHEAD_PROPERTY, RUN_AHEAD);
    }

    public static CudaModelRunner open(
            ModelFolder folder,
            EngineOptions options,
            Segmentation segmentation,
            int runAhead,
            LoadProgress progress)
            throws IOException {
        return open(folder, options, segmentation, runAhead, progress, CudaBackend::new);
    }

    public static CudaModelRunner open(
            ModelFolder folder,
            EngineOptions asked,
            Segmentation segmentation,
            int runAhead,
            LoadProgress progress,
            BackendMaker maker)
            throws IOException {
        EngineOptions options = asked.forDevice(true);
        if (runAhead < 0 || runAhead > MOST_AHEAD) {
            throw new GpuException(
                    "%s is %d; it must be between 0 and %d."
                            .formatted(RUN_AHEAD_PROPERTY, runAhead, MOST_AHEAD));
        }
        KernelIndex index = KernelIndex.read();
        check(folder, options);
        CudaContext context = CudaContext.open(index(options.gpu()));
        Scope scope = new Scope();
        scope.add(context::abandon);
        try {
            int positions = positions(folder, options);
            CudaBackend backend =
                    maker.make(
                            context,
                            index,
                            new ModelSizes(
                                    folder.attentionShape(),
                                    folder.rotary(positions),
                                    folder.windows(),
                                    folder.vocabularySize()),
                            new StepLimits(
                                    options.maxBatchedTokens(),
                                    Math.min(options.maxSequences(), options.maxBatchedTokens()),
                                    runAhead),
                            segmentation);
            scope.add(backend);
            return open(context, backend, folder, options, positions, runAhead, progress);
        } catch (UncheckedIOException e) {
            scope.closeAfter(e.getCause());
            throw e.getCause();
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
    }

    private static CudaModelRunner open(
            CudaContext context,
            CudaBackend backend,
            ModelFolder folder,
            EngineOptions options,
            int positions,
            int runAhead,
            LoadProgress progress)
            throws IOException {
        if (folder.weightBytes() > context.freeBytes()) {
            throw context.outOfMemory(
                    "The model in " + folder.path(),
                    folder.weightBytes(),
                    "take a smaller model, or a GPU that has more memory or less to do");
        }
        var decoder = Decoder.load(folder, backend, progress);
        int blockSize = options.blockSize();
        int perSequence = (positions + blockSize - 1) / blockSize;
        backend.allocateScratch(blockSize);
        KvBudget budget =
                new KvBudget(
                        backend.blockBytes(blockSize) * folder.attentionShape().layers(),
                        perSequence,
                        options.maxSequences(),
                        options.kvCacheBytes());
        int blocks =
                budget.blocks(
                        context.title(),
                        context.totalBytes(),
                        context.freeBytes(),
                        options.gpuMemoryUtilization());
        long bytes = budget.blockBytes() * blocks;
        progress.onProgress("KV cache", 0, bytes);
        backend.allocateArena(blocks, blockSize);
        backend.keepLogits(Boolean.getBoolean(KEEP_LOGITS_PROPERTY));
        context.synchronize("Clearing the KV cache");
        progress.onProgress("KV cache", bytes, bytes);
        return new CudaModelRunner(context, folder, backend, decoder, blocks, blockSize, runAhead);
    }

    private static void check(ModelFolder folder, EngineOptions options)
            throws InvalidModelException {
        if (options.blockSize() % BLOCK_MULTIPLE != 0) {
            throw new InvalidModelException(
                    "--block-size is %d; on a GPU it must be a multiple of %d."
                            .formatted(options.blockSize(), BLOCK_MULTIPLE));
        }
        int headSize = folder.attentionShape().headSize();
        if (headSize > MOST_HEAD_SIZE) {
            throw new InvalidModelException(
                    "The model in %s has heads of %d elements, and the GPU's kernels take %d at most: take the device cpu."
                            .formatted(folder.path(), headSize, MOST_HEAD_SIZE));
        }
    }

    private static int index(int gpu) {
        return gpu == EngineOptions.ANY_GPU ? 0 : gpu;
    }

    private static int positions(ModelFolder folder, EngineOptions options)
            throws InvalidModelException {
        if (options.maxModelLen() > folder.maxPositions()) {
            throw new InvalidModelException(
                    "--max-model-len is %d, but the model in %s has a context of %d tokens."
                            .formatted(
                                    options.maxModelLen(), folder.path(), folder.maxPositions()));
        }
        return options.maxModelLen() > 0 ? options.maxModelLen() : folder.maxPositions();
    }

    @Override
    public int vocabularySize() {
        return folder.vocabularySize();
    }

    @Override
    public int kvBlocks() {
        return blocks;
    }

    @Override
    public int blockSize() {
        return blockSize;
    }

    @Override
    public long kvBlockBytes() {
        return backend.blockBytes(blockSize) * folder.attentionShape().layers();
    }

    @Override
    public String fingerprint() {
        return Numerics.fingerprint(
                context.capability(),
                backend.type().name().toLowerCase(Locale.ROOT),
                backend.segmentation());
    }

    @Override
    public String device() {
        return context.title();
    }

    @Override
    public long gpuMemoryBytes() {
        return context.bytes();
    }

    @Override
    public int runAhead() {
        return runAhead;
    }

    @Override
    public boolean verifiesDrafts() {
        return VERIFIES_DRAFTS;
    }

    @Override
    public boolean masksKeepLogprobs() {
        return false;
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        launch(batch, output);
        complete();
    }

    @Override
    public void launch(StepBatch batch, StepOutput output) {
        try {
            context.enter();
            backend.begin(batch);
            graphs.run(backend.bucket(), backend.kind(), step);
            backend.queued(output);
        } catch (InternalError e) {
            throw new InternalError("%s %s".formatted(e.getMessage(), backend.suspects()), e);
        }
    }

    /** Queues all kernels of the present step, one by one. */
    private void step() {
        compute();
        backend.sampleRows();
    }

    /** Queues the kernels of the present step before those that sample, one by one. */
    public void compute() {
        backend.resolve();
        decoder.compute();
    }

    @Override
    public void complete() {
        backend.complete();
    }

    @Override
    public long deviceGapNanos() {
        return backend.gapNanos();
    }

    /**
     * A GPU cannot be asked to end a step. Who waits for it gets an exception once the GPU has done
     * all that it was given; from one that hangs, nothing.
     */
    @Override
    public boolean stop() {
        backend.stop();
        return true;
    }

    public CudaContext context() {
        return context;
    }

    public CudaBackend backend() {
        return backend;
    }

    /**
     * Whether every step writes its logits, for {@link #lastLogits}. Not while any is in flight.
     */
    public void keepLogits(boolean value) {
        backend.keepLogits(value);
    }

    /** The raw logits of the last step's {@code index}-th sample. */
    public float[] lastLogits(int index) {
        return backend.lastLogits(index);
    }

    /** Sets every byte of every KV block. */
    void fillArena(int value) {
        backend.fillArena(value);
    }

    @Override
    public void close() {
        Scope scope = new Scope();
        scope.add(context);
        scope.add(backend);
        scope.add(graphs);
        // Steps may be in flight.
        scope.add(context::settle);
        scope.close();
    }
}
