package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.model.Decoder;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;

/** Runs steps of one model on the CPU. Owns the weights, the KV blocks and the compute threads. */
public final class CpuModelRunner implements ModelRunner {
    /** Name of the CPU's numerics; its number changes with any bit of an op. */
    private static final String FINGERPRINT = "cpu-f32-1";

    /** Suffix if matrices are INT8: the rule by which they are rounded and used. */
    private static final String INT8 = " int8-1";

    /** As {@link ModelRunner#verifiesDrafts}. */
    public static final boolean VERIFIES_DRAFTS = true;

    private static final long MIB = 1 << 20;

    private final ModelFolder folder;
    final CpuBackend backend;
    private final Decoder<StripMatrix, float[], CpuBackend.Activation> decoder;
    private final int blocks;
    private final int blockSize;

    private CpuModelRunner(
            ModelFolder folder,
            CpuBackend backend,
            Decoder<StripMatrix, float[], CpuBackend.Activation> decoder,
            int blocks,
            int blockSize) {
        this.folder = folder;
        this.backend = backend;
        this.decoder = decoder;
        this.blocks = blocks;
        this.blockSize = blockSize;
    }

    /**
     * Loads the weights and allocates the KV cache.
     *
     * @throws InvalidModelException a model or an option that cannot be honoured, or too little
     *     heap for either
     */
    public static CpuModelRunner open(
            ModelFolder folder, EngineOptions asked, LoadProgress progress) throws IOException {
        EngineOptions options = asked.forDevice(false);
        int positions = positions(folder, options);
        int threads =
                options.threads() > 0
                        ? options.threads()
                        : Runtime.getRuntime().availableProcessors();
        int blocks =
                HeapPlan.of(folder, options, positions, threads)
                        .blocks(Runtime.getRuntime().maxMemory());
        Scope scope = new Scope();
        try (WeightLoader loader = new WeightLoader(threads)) {
            Workers workers = scope.add(new Workers(threads));
            AttentionShape shape = folder.attentionShape();
            CpuBackend backend =
                    new CpuBackend(
                            shape,
                            folder.rotary(positions),
                            folder.vocabularySize(),
                            options.maxBatchedTokens(),
                            options.maxSequences(),
                            workers,
                            loader,
                            options.weights() == Weights.INT8);
            var decoder = Decoder.load(folder, backend, progress);
            allocate(backend, shape, blocks, options.blockSize(), progress);
            return new CpuModelRunner(folder, backend, decoder, blocks, options.blockSize());
        } catch (OutOfMemoryError e) {
            scope.closeAfter(e);
            throw new InvalidModelException(
                    "The heap of %d MiB is too small for the model in %s (weights of %d MiB) with steps of %d tokens: raise it (MILLRACE_OPTS=-Xmx...), or lower --max-batched-tokens."
                            .formatted(
                                    Runtime.getRuntime().maxMemory() / MIB,
                                    folder.path(),
                                    folder.weightBytes() / MIB,
                                    options.maxBatchedTokens()),
                    e);
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
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

    private static long freeHeap() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory());
    }

    private static void allocate(
            CpuBackend backend,
            AttentionShape shape,
            int blocks,
            int blockSize,
            LoadProgress progress)
            throws InvalidModelException {
        long bytes = KvCache.blockBytes(shape, blockSize) * blocks;
        progress.onProgress("KV cache", 0, bytes);
        if (bytes > freeHeap()) {
            // Much of the heap in use is garbage from loading.
            System.gc();
        }
        // Blocks are allocated when they are first written. Too little heap is an error now, not in
        // the middle of a run.
        if (bytes > freeHeap()) {
            throw new InvalidModelException(
                    "The KV cache asks for %d MiB, the heap of %d MiB has %d MiB left: raise it (MILLRACE_OPTS=-Xmx...), or lower --kv-cache-memory, --max-model-len or --max-sequences."
                            .formatted(
                                    bytes / MIB,
                                    Runtime.getRuntime().maxMemory() / MIB,
                                    freeHeap() / MIB));
        }
        backend.allocate(blocks, blockSize);
        progress.onProgress("KV cache", bytes, bytes);
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
        return KvCache.blockBytes(folder.attentionShape(), blockSize);
    }

    @Override
    public String fingerprint() {
        return backend.int8 ? FINGERPRINT + INT8 : FINGERPRINT;
    }

    @Override
    public String device() {
        return "CPU";
    }

    @Override
    public boolean verifiesDrafts() {
        return VERIFIES_DRAFTS;
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        decoder.forward(batch, output);
    }

    @Override
    public boolean stop() {
        backend.stop();
        return true;
    }

    @Override
    public void close() {
        backend.close();
    }
}
