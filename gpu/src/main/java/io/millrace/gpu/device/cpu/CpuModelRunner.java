package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
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
    /** Names the CPU's numerics; a change of any bit of an op changes the number. */
    private static final String FINGERPRINT = "cpu-f32-1";

    /** Added to it where matrices are INT8: names the rule by which they are rounded and used. */
    private static final String INT8 = " int8-1";

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
        boolean int8 = options.weights().equals("int8");
        checkHeapFor(folder, int8 ? folder.int8WeightBytes() : folder.weightBytes());
        int threads =
                options.threads() > 0
                        ? options.threads()
                        : Runtime.getRuntime().availableProcessors();
        Workers workers = new Workers(threads);
        boolean opened = false;
        try (WeightLoader loader = new WeightLoader(threads)) {
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
                            int8);
            var decoder = Decoder.load(folder, backend, progress);
            int blocks = blocks(shape, options, positions);
            allocate(backend, shape, blocks, options.blockSize(), progress);
            opened = true;
            return new CpuModelRunner(folder, backend, decoder, blocks, options.blockSize());
        } catch (OutOfMemoryError e) {
            throw new InvalidModelException(
                    "The heap of %d MiB is too small for the model in %s (weights of %d MiB) with steps of %d tokens; raise -Xmx or lower --max-batched-tokens."
                            .formatted(
                                    Runtime.getRuntime().maxMemory() / MIB,
                                    folder.path(),
                                    folder.weightBytes() / MIB,
                                    options.maxBatchedTokens()),
                    e);
        } finally {
            if (!opened) {
                workers.close();
            }
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

    private static void checkHeapFor(ModelFolder folder, long weightBytes)
            throws InvalidModelException {
        long heap = Runtime.getRuntime().maxMemory();
        if (weightBytes > heap) {
            throw new InvalidModelException(
                    "The weights in %s take %d MiB, the heap has %d MiB; raise -Xmx."
                            .formatted(folder.path(), weightBytes / MIB, heap / MIB));
        }
    }

    /** Blocks of the cache, with block 0, which is never handed out. */
    static int blocks(AttentionShape shape, EngineOptions options, int positions)
            throws InvalidModelException {
        int blockSize = options.blockSize();
        if (blockSize < 1) {
            throw new InvalidModelException(
                    "--block-size is %d; 1 is the least.".formatted(blockSize));
        }
        long blockBytes = KvCache.blockBytes(shape, blockSize);
        long perSequence = (positions + blockSize - 1) / blockSize;
        long useful = perSequence * options.maxSequences() + 1;
        // A smaller heap must fail, not answer otherwise: room for one whole context at the least.
        long bytes =
                options.kvCacheBytes() > 0
                        ? options.kvCacheBytes()
                        : Math.max(chosenBytes(), (perSequence + 1) * blockBytes);
        if (blockBytes / Float.BYTES > Integer.MAX_VALUE - 16) {
            throw new InvalidModelException(
                    "--block-size is %d: a block of %d MiB is more than the CPU backend can index."
                            .formatted(blockSize, blockBytes / MIB));
        }
        long blocks = Math.min(Math.min(useful, bytes / blockBytes), Integer.MAX_VALUE - 16);
        if (blocks < 2) {
            throw new InvalidModelException(
                    "A KV cache of %d bytes has no room for two blocks of %d bytes; raise %s."
                            .formatted(
                                    bytes,
                                    blockBytes,
                                    options.kvCacheBytes() > 0 ? "--kv-cache-memory" : "-Xmx"));
        }
        return (int) blocks;
    }

    // The heap is shared with whatever else the process does: Flink, Kafka, requests in flight.
    private static long chosenBytes() {
        return Math.min(Runtime.getRuntime().maxMemory() / 4, freeHeap() / 2);
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
            // Much of what is in use is left from loading.
            System.gc();
        }
        // Not taken before it is written, but it has to be there: better no start than half a run.
        if (bytes > freeHeap()) {
            throw new InvalidModelException(
                    "The KV cache asks for %d MiB, the heap of %d MiB has %d MiB left; lower --kv-cache-memory, --max-model-len or --max-sequences, or raise -Xmx."
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
