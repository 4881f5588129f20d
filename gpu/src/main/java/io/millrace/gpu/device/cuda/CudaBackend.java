package io.millrace.gpu.device.cuda;

import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.RotaryTable;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.GemmTiles;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Launches;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.OpParams;
import io.millrace.gpu.device.cuda.kernel.OpParams.Epilogue;
import io.millrace.gpu.device.cuda.kernel.OpParams.Input;
import io.millrace.gpu.device.cuda.kernel.PrefillKernel;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.kernel.SharedChunks;
import io.millrace.gpu.device.cuda.kernel.StepLaunches;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.device.cuda.kernel.TokenBuckets;
import io.millrace.gpu.device.cuda.step.QueuedStep;
import io.millrace.gpu.device.cuda.step.StepGraphs;
import io.millrace.gpu.device.cuda.step.StepTables;
import io.millrace.gpu.device.cuda.struct.KernelParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.AttentionWork;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.DecodeItem;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.PrefillItem;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.SharedItem;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.SharedMember;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.HeadParams;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The ops on a GPU: each queues its kernels on the context's stream. Weights, activations, KV
 * blocks and scratch are in device memory. Engine thread only.
 *
 * <p>Parameters of kernels depend only on a step's bucket of tokens and on its kind; counts and
 * lengths are read from the {@link StepTables}. The launches between {@code begin} and {@code
 * sample} can therefore be recorded as one graph per bucket and kind.
 *
 * <p>Nothing waits for the device before {@link #complete}: {@code runAhead} further steps can be
 * queued behind a step that is in flight.
 */
public class CudaBackend implements Backend<CudaMatrix, DeviceMemory, CudaBackend.Activation> {
    /** Tokens of the widest GEMM tile. */
    private static final int WIDEST_TILE = 128;

    private static final String SCRATCH_REMEDY =
            "lower --max-batched-tokens, --max-sequences or --max-model-len";

    /** An activation: one row per token. (tokens, width) */
    static final class Activation {
        private final DeviceMemory memory;
        private final int width;

        /** (tokens) factors of the sums of GEMMs; null if it is no input of a GEMM. */
        private final DeviceMemory scales;

        /** Whether the last norm left its scale to the GEMMs. */
        private boolean unscaled;

        private Activation(DeviceMemory memory, int width, DeviceMemory scales) {
            this.memory = memory;
            this.width = width;
            this.scales = scales;
        }

        DeviceMemory memory() {
            return memory;
        }

        int width() {
            return width;
        }

        Input input() {
            return new Input(memory, unscaled ? scales : null);
        }

        void fill(int value) {
            memory.fill(value);
            if (scales != null) {
                scales.fill(value);
            }
        }
    }

    private final CudaContext context;
    private final AttentionShape shape;
    private final RotaryTable rotary;
    private final Set<Integer> windows;
    private final int vocabulary;
    private final int maxTokens;
    private final int maxRows;
    private final int runAhead;
    private final Segmentation segmentation;
    private final Overlap overlap = Overlap.ofProcess();
    private final KernelModules kernels;
    private final WeightUpload weights;
    private final List<CudaMatrix> matrices = new ArrayList<>();
    private SharedChunks sharedChunks;
    private int shareFrom;

    /** All allocations, in order. */
    private final Scope scope = new Scope();

    /** The scratch among them. */
    private final List<DeviceMemory> memory = new ArrayList<>();

    private final DeviceMemory cos;
    private final DeviceMemory sin;
    private final Map<Integer, OpParams.Plan> plans = new HashMap<>();
    private final Set<Integer> planned = new HashSet<>();
    private String type;
    private int hidden;
    private boolean keepsLogits;
    private StepTables step;
    private OpParams write;
    private GemmTiles gemms;
    private PrefillKernel prefill;
    private DeviceMemory projected;
    private Activation sampledNormed;
    private DeviceMemory logits;
    private DeviceMemory arena;
    private long layerBytes;
    private LogitsReader reader;
    private CudaSampler sampler;

    private StepBatch batch;
    private int bucket;

    /** Whether the present step was delivered and is computed once more. */
    private boolean repeats;

    /** Whether rows of the present step may share chunks. */
    private boolean shares;

    /**
     * @param segmentation chooses the split-K segments of GEMMs
     */
    CudaBackend(
            CudaContext context,
            KernelIndex index,
            ModelSizes model,
            StepLimits limits,
            Segmentation segmentation)
            throws IOException {
        this.context = context;
        shape = model.attention();
        rotary = model.rotary();
        windows = model.windows();
        vocabulary = model.vocabulary();
        maxTokens = limits.maxTokens();
        maxRows = limits.maxRows();
        runAhead = limits.runAhead();
        this.segmentation = segmentation;
        shareFrom = Launches.leastToShare(shape, context.multiprocessors());
        try {
            kernels = scope.add(new KernelModules(context, index));
            weights = scope.add(new WeightUpload(context, kernels));
            cos = weights.floats(rotary.cos);
            sin = weights.floats(rotary.sin);
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
    }

    @Override
    public CudaMatrix matrix(List<Tensor> parts) throws IOException {
        return loaded(weights.matrix(parts));
    }

    @Override
    public CudaMatrix addedMatrix(List<Tensor> parts) throws IOException {
        return loaded(weights.matrix(parts).added());
    }

    @Override
    public CudaMatrix gatedMatrix(Tensor gate, Tensor up) throws IOException {
        return loaded(weights.gatedMatrix(gate, up));
    }

    private CudaMatrix loaded(CudaMatrix matrix) {
        matrices.add(matrix);
        return matrix;
    }

    @Override
    public DeviceMemory vector(List<Tensor> parts) throws IOException {
        return weights.vector(parts);
    }

    @Override
    public void finishLoading() throws IOException {
        weights.finish();
    }

    /** Chooses the split-K segments of GEMMs. */
    Segmentation segmentation() {
        return segmentation;
    }

    /** Type of weights, K, V and inputs of GEMMs. */
    public DType type() {
        return weights.type();
    }

    /** Called by the decoder once all weights are loaded. */
    @Override
    public Activation activation(Use use, int width) {
        if (use == Use.RESIDUAL) {
            hidden = width;
        }
        int element = weights.type().bytes();
        int tokens = tiled(maxTokens);
        long bytes =
                switch (use) {
                    case RESIDUAL -> (long) tokens * Numerics.pad(width) * Float.BYTES;
                    case QUERIES ->
                            (long) tokens
                                    * shape.heads()
                                    * TileLayout.paddedHead(shape.headSize())
                                    * element;
                    case INPUT -> TileLayout.tileBytes(tokens, width, element);
                };
        try {
            return activation(allocate("An activation", bytes), width, use, tokens);
        } catch (GpuException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Activation activation(DeviceMemory rows, int width, Use use, int tokens)
            throws GpuException {
        boolean input = use == Use.INPUT;
        return new Activation(
                rows, width, input ? allocate("Scales", (long) tokens * Float.BYTES) : null);
    }

    /** Rows of an activation, rounded up: GEMMs read whole tiles of it. */
    private static int tiled(int tokens) {
        return (tokens + WIDEST_TILE - 1) / WIDEST_TILE * WIDEST_TILE;
    }

    private DeviceMemory allocate(String what, long bytes) throws GpuException {
        DeviceMemory piece = scope.add(context.allocate(what, Math.max(bytes, 16), SCRATCH_REMEDY));
        memory.add(piece);
        return piece;
    }

    /** Allocates what steps need beside weights and activations, but for the KV arena. */
    void allocateScratch(int blockSize) throws GpuException {
        type = weights.type().name().toLowerCase(Locale.ROOT);
        checkLaunches();
        sharedChunks = new SharedChunks(blockSize);
        int mostBlocks = (rotary.positions() + blockSize - 1) / blockSize;
        step =
                scope.add(
                        new StepTables(
                                context, maxTokens, maxRows, mostBlocks, blockSize, runAhead + 1));
        int width = (shape.heads() + 2 * shape.kvHeads()) * shape.headSize();
        projected =
                allocate(
                        "The projection",
                        (long) tiled(maxTokens) * Numerics.pad(width) * Float.BYTES);
        int rows = tiled(maxRows);
        logits = allocate("The logits", (long) rows * Numerics.pad(vocabulary) * Float.BYTES);
        long partials = gemms().partials(type);
        int arrivals = 0;
        int widest = 0;
        for (CudaMatrix m : matrices) {
            // More tokens never take more segments.
            int most = segmented(m, 1).segments();
            partials = Math.max(partials, Launches.matmulPartials(maxTokens, m.rows(), most));
            arrivals = Math.max(arrivals, Launches.matmulArrivals(m.rows()));
            widest = Math.max(widest, m.k());
        }
        DeviceMemory last =
                allocate(
                        "The last hidden states",
                        TileLayout.tileBytes(rows, widest, type().bytes()));
        sampledNormed = activation(last, widest, Use.INPUT, rows);
        OpParams.Fixed fixed =
                new OpParams.Fixed(
                        step.addresses(),
                        shape,
                        blockSize,
                        cos,
                        sin,
                        allocate("Partial sums", partials),
                        allocate("Counters", (long) arrivals * Integer.BYTES));
        write = new OpParams(fixed);
        if (type() != DType.F32) {
            allocatePlans();
        }
        reader = scope.add(new LogitsReader(context, vocabulary));
        sampler =
                scope.add(
                        new CudaSampler(
                                context,
                                kernels,
                                logits,
                                step.sampleAddress(),
                                vocabulary,
                                maxRows,
                                rotary.positions(),
                                runAhead));
    }

    /** Allocates the scratch of attention on tensor cores: work lists of each window. */
    private void allocatePlans() throws GpuException {
        int items = Launches.decodeItems(maxRows, rotary.positions());
        prefill = PrefillKernel.on(type, shape, limits());
        int prefillItems = prefill.items(shape, maxTokens, maxRows);
        int shared = Launches.sharedItems(items);
        int arrived = Launches.attentionArrivals(shape, maxTokens);
        DeviceMemory partial = allocate("Attention", Launches.attentionPartials(shape, items));
        DeviceMemory counters = allocate("Attention", (long) arrived * Integer.BYTES);
        for (int window : windows) {
            plans.put(
                    window,
                    new OpParams.Plan(
                            allocate("A plan", AttentionWork.BYTES),
                            allocate("A plan", (long) DecodeItem.BYTES * items),
                            allocate("A plan", (long) SharedItem.BYTES * shared),
                            allocate("A plan", (long) SharedMember.BYTES * items),
                            allocate("A plan", (long) Integer.BYTES * items),
                            allocate("A plan", (long) PrefillItem.BYTES * prefillItems),
                            partial,
                            counters));
        }
    }

    /** Limits of a launch. A test overrides them with those of a smaller GPU. */
    DeviceLimits limits() {
        return context.limits();
    }

    /** All launches that steps can make. */
    Set<KernelLaunch> launches() {
        return new StepLaunches(type, shape, matrices, vocabulary, maxTokens, maxRows)
                .on(limits(), context.multiprocessors(), segmentation);
    }

    private void checkLaunches() throws GpuException {
        for (KernelLaunch launch : launches()) {
            kernels.kernel(launch.kernel()).checkLaunch(limits(), context.title(), launch);
        }
    }

    /** Allocates the KV arena; called once, at the end. */
    void allocateArena(int blocks, int blockSize) throws GpuException {
        layerBytes = blocks * blockBytes(blockSize);
        arena =
                scope.add(
                        context.allocate(
                                "The KV cache",
                                layerBytes * shape.layers(),
                                "lower --kv-cache-memory, --gpu-memory-utilization, --max-model-len"
                                        + " or --max-sequences"));
    }

    /** Bytes of a KV block in one layer. */
    long blockBytes(int blockSize) {
        return TileLayout.kvBlockBytes(
                shape.kvHeads(), shape.headSize(), blockSize, type().bytes());
    }

    /** Sets every byte of every KV block. */
    public void fillArena(int value) {
        arena.fill(value);
    }

    /** Fills the KV blocks with copies of the bytes of host memory. */
    public void fillArena(PinnedMemory with) {
        long first = Math.min(with.buffer().capacity(), arena.bytes());
        arena.copyFrom(with, 0, 0, first);
        arena.repeat(first);
    }

    /** Memory that the kernels of layers and of sampling write. */
    List<DeviceMemory> computed() {
        List<DeviceMemory> all = new ArrayList<>(memory);
        all.removeAll(listed());
        all.add(arena);
        all.addAll(sampler.scratch());
        return all;
    }

    /** K and V of all layers, layer by layer. */
    DeviceMemory arena() {
        return arena;
    }

    /** Memory that only the first kernels of a step write: its tables and work lists. */
    List<DeviceMemory> listed() {
        List<DeviceMemory> all = new ArrayList<>();
        all.add(step.memory());
        for (OpParams.Plan plan : plans.values()) {
            all.addAll(plan.lists());
        }
        return all;
    }

    /** Sets every byte of projections and logits. */
    void fillRows(int value) {
        projected.fill(value);
        logits.fill(value);
    }

    @Override
    public void begin(StepBatch next) {
        if (next.tokens > maxTokens || next.rows > maxRows) {
            throw new IllegalArgumentException(
                    "A step of %d tokens in %d rows is more than %d in %d."
                            .formatted(next.tokens, next.rows, maxTokens, maxRows));
        }
        int lastSamples = 0;
        for (int token = 0; token < next.tokens; token++) {
            int id = next.tokenIds[token];
            int position = next.positions[token];
            boolean known = id >= 0 && id < vocabulary || id == StepBatch.LAST_SAMPLE;
            if (!known || position < 0 || position >= rotary.positions()) {
                throw new IllegalArgumentException(
                        "Token %d at position %d is outside of %d tokens and %d positions."
                                .formatted(id, position, vocabulary, rotary.positions()));
            }
            lastSamples += id == StepBatch.LAST_SAMPLE ? 1 : 0;
        }
        QueuedStep queued = sampler.begin(next);
        if (queued.lastSamples() != lastSamples) {
            throw new IllegalArgumentException(
                    "A token that the device sampled is not the last of its row.");
        }
        batch = next;
        bucket = Math.min(maxTokens, TokenBuckets.of(next.tokens));
        shares = type() != DType.F32 && sharedChunks.any(next, shareFrom);
        planned.clear();
        repeats = false;
        context.queue().overlap(overlap.applies());
        step.write(next, queued);
        sampler.admit();
    }

    /** Has the next kernel begin once all before it have ended, if that is faster in this step. */
    private void settleIfWide() {
        if (overlap.settles(hidden, bucket)) {
            context.queue().settle();
        }
    }

    /**
     * Queues the first kernels of a step: they bring its tables, with sampled tokens in them, and
     * list the work of attention.
     */
    void resolve() {
        launch(
                "resolve",
                Launches.resolve(),
                write.resolve(sampler.state(), step.staging(), bucket, repeats));
        plans.keySet().forEach(this::plan);
    }

    /** Queues the kernel that lists the work of attention for a window, once per step. */
    private void plan(int window) {
        if (planned.add(window)) {
            launch(
                    "attention",
                    Launches.attentionPlan(),
                    write.attentionPlan(plans.get(window), window, shares, prefill.itemPairs()));
        }
    }

    /** Prepares for the ops of the last step to be called once more, from the first on. */
    public void again() {
        planned.clear();
        repeats = true;
    }

    /** The bucket of tokens that the launches of the present step cover. */
    int bucket() {
        return bucket;
    }

    /**
     * The kind of the present step, which selects its launches; below {@code StepGraphs.KINDS}, or
     * {@link StepGraphs#UNRECORDED}.
     */
    int kind() {
        if (sampler.isMasked()) {
            return StepGraphs.UNRECORDED;
        }
        int sampling = sampler.kind(samplesInHead());
        return (isDecode() ? 1 : 0) + (shares ? 2 : 0) + 4 * sampling;
    }

    /** Whether every row of the present step has one token; it then has fewer launches. */
    boolean isDecode() {
        return batch.tokens == batch.rows;
    }

    /** Whether the head of the present step samples in its epilogue. */
    public boolean samplesInHead() {
        return !keepsLogits
                && type() != DType.F32
                && Numerics.segments(vocabulary, hidden) == 1
                && sampler.takesFastPath();
    }

    /** Queues one kernel. A test overrides it to launch the oracles. */
    void launch(String op, KernelLaunch launch, KernelParams with) {
        kernels.kernel(launch.kernel()).launch(op, with, launch, context.queue());
    }

    @Override
    public void embed(CudaMatrix table, CudaMatrix positions, Activation out) {
        launch("embed", Launches.embed(type, bucket), write.embed(table, positions, out.memory));
        // Kernels of layers read tables and work lists before their programmatic dependent wait.
        context.queue().settle();
    }

    @Override
    public void norm(Activation x, Norm<DeviceMemory> norm, Activation out) {
        norm("norm", x, norm, out, false);
    }

    private void norm(
            String op, Activation x, Norm<DeviceMemory> norm, Activation out, boolean sampledOnly) {
        out.unscaled = type() == DType.BF16 && norm.bias() == null;
        int rows = sampledOnly ? Math.min(bucket, maxRows) : bucket;
        settleIfWide();
        launch(
                op,
                Launches.norm(type, rows, context.queue().isNextEarly()),
                write.norm(x.memory, norm, out.input(), sampledOnly, x.width));
    }

    private void matmul(
            String op,
            CudaMatrix weight,
            Activation x,
            DeviceMemory bias,
            DeviceMemory out,
            Epilogue epilogue) {
        CudaMatrix w = segmented(weight, bucket);
        launch(
                op,
                matmulLaunch(w, bucket, epilogue == Epilogue.GATED),
                write.matmul(w, x.input(), bias, out, epilogue));
    }

    private KernelLaunch matmulLaunch(CudaMatrix w, int tokens, boolean gated) {
        return gemms().launch(type, tokens, w.rows(), w.k(), w.segments(), gated)
                .orElseGet(() -> Launches.matmul(type, tokens, w.rows(), w.segments()));
    }

    /** Tiles of GEMMs on Hopper's tensor cores. The oracles' backend has none. */
    GemmTiles gemms() {
        if (gemms == null) {
            gemms = GemmTiles.on(limits(), context.multiprocessors());
        }
        return gemms;
    }

    private CudaMatrix segmented(CudaMatrix weight, int tokens) {
        return weight.withSegments(
                segmentation.segments(weight, tokens, context.multiprocessors()));
    }

    @Override
    public void qkvProjectRopeStoreKv(
            Activation x, QkvProjection<CudaMatrix, DeviceMemory> qkv, int layer, Activation q) {
        String op = "qkvProjectRopeStoreKv";
        CudaMatrix w = segmented(qkv.matrix(), bucket);
        Optional<KernelLaunch> whole =
                gemms().launchQkv(type, bucket, w.rows(), w.k(), w.segments(), shape.headSize());
        if (whole.isPresent()) {
            launch(op, whole.get(), write.qkv(w, x.input(), qkv, q.memory, layerArena(layer)));
            return;
        }
        matmul(op, qkv.matrix(), x, null, projected, Epilogue.STORE);
        launch(
                op,
                Launches.qkvFinish(type, bucket, shape),
                write.qkvFinish(projected, qkv, q.memory, layerArena(layer)));
    }

    private long layerArena(int layer) {
        return arena.address() + layer * layerBytes;
    }

    @Override
    public void attention(Activation q, int layer, int window, Activation out) {
        boolean tensorCores = type() != DType.F32;
        OpParams.Plan plan = plans.get(window);
        if (tensorCores) {
            plan(window);
        }
        float scale = Numerics.attentionScale(shape.headSize(), tensorCores);
        settleIfWide();
        boolean early = context.queue().isNextEarly();
        long kv = layerArena(layer);
        KernelParams all = write.attention(q.memory, kv, out.memory, plan, window, scale, early);
        if (!tensorCores) {
            launch("attention", Launches.attentionF32(shape, bucket), all);
            return;
        }
        int rows = Math.min(bucket, maxRows);
        int multiprocessors = context.multiprocessors();
        launch(
                "attention",
                shares
                        ? Launches.attentionCascade(type, shape, multiprocessors)
                        : Launches.attentionDecode(
                                type, shape, rows, multiprocessors, limits(), early),
                all);
        if (!isDecode()) {
            launch("attention", prefill.launch(shape, bucket, rows, multiprocessors), all);
        }
    }

    @Override
    public void matmulAdd(Activation x, CudaMatrix weight, DeviceMemory bias, Activation residual) {
        matmul("matmulAdd", weight, x, bias, residual.memory, Epilogue.ADD);
    }

    @Override
    public void matmulGated(Activation x, CudaMatrix gateUp, Activation out) {
        settleIfWide();
        matmul("matmulGated", gateUp, x, null, out.memory, Epilogue.GATED);
    }

    @Override
    public void matmulGelu(Activation x, CudaMatrix weight, DeviceMemory bias, Activation out) {
        matmul("matmulGelu", weight, x, bias, out.memory, Epilogue.GELU);
    }

    @Override
    public void logits(Activation x, Norm<DeviceMemory> norm, CudaMatrix head) {
        int rows = Math.min(bucket, maxRows);
        CudaMatrix w = segmented(head, rows);
        norm("logits", x, norm, sampledNormed, true);
        Input last = sampledNormed.input();
        if (samplesInHead()) {
            HeadParams all = sampler.head();
            write.logits(all.matmul, head, last, logits);
            launch(
                    "logits",
                    gemms().head(type, rows, head.rows())
                            .orElseGet(() -> Launches.head(type, rows, head.rows())),
                    all);
            return;
        }
        launch("logits", matmulLaunch(w, rows, false), write.logits(w, last, logits));
    }

    /** Queues the sampling kernels; {@code output} is filled when the step is completed. */
    @Override
    public void sample(StepOutput output) {
        sampleRows();
        queued(output);
    }

    /**
     * Queues the sampling kernels of the present step. Of a step that is computed once more they
     * write the same bytes again, if its rows have no penalties.
     */
    public void sampleRows() {
        sampler.sample(samplesInHead());
    }

    /** Notes that all of the step is queued; {@code output} is filled when it is completed. */
    void queued(StepOutput output) {
        sampler.queued(output);
    }

    /** Waits for the oldest step in flight, and fills its output. */
    void complete() {
        sampler.complete();
    }

    /** Ends the wait for a step with an exception. Any thread. */
    void stop() {
        sampler.stop();
    }

    /** Idle nanoseconds of the device between the last two completed steps; -1 if unknown. */
    long gapNanos() {
        return sampler.gapNanos();
    }

    /**
     * Display text: the steps that may have caused a failure of the device, which a later call
     * reports.
     */
    String suspects() {
        return sampler.suspects();
    }

    /**
     * Sets whether every step writes its logits, for {@link #lastLogits}. No step may be in flight.
     */
    void keepLogits(boolean value) {
        keepsLogits = value;
    }

    /**
     * Sets the number of chunks of a step from which on shared chunks are read once. A test sets 1.
     */
    void shareFrom(int chunks) {
        shareFrom = chunks;
    }

    /** The raw logits of the last step's {@code index}-th sample. */
    float[] lastLogits(int index) {
        if (!keepsLogits) {
            throw new IllegalStateException("Logits are not kept.");
        }
        return reader.read(logits, index);
    }

    @Override
    public void close() {
        scope.close();
        memory.clear();
    }
}
