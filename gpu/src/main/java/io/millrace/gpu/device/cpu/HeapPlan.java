package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Speculate;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.Locale;

/**
 * The heap that a model needs, computed before anything is loaded: otherwise a model could load for
 * a minute and then end the process, at each start again.
 *
 * @param model its folder, for messages
 * @param weights bytes of the weights
 * @param otherWeights bytes of the weights as INT8; 0 if they are INT8 already
 * @param scratch bytes that a step writes, other than KV blocks
 * @param block bytes of a KV block
 * @param perSequence KV blocks of one full context
 * @param options the options, with the device's defaults filled in
 */
record HeapPlan(
        String model,
        long weights,
        long otherWeights,
        long scratch,
        long block,
        long perSequence,
        EngineOptions options) {

    private static final long MIB = 1 << 20;

    /**
     * Heap left for the rest: Flink, the Kafka clients and the tokenizer (some 50 MiB), requests in
     * flight, and room in which the collector can move short-lived objects.
     */
    static final long OTHERS = 128 * MIB;

    /** Loss per large array: the rest of the last of the collector's regions that it fills. */
    private static final int ARRAY_LOSS = 32;

    /** 32-bit words that speculation keeps for a token of a running completion. */
    private static final long LOOKUP_WORDS = 8;

    static HeapPlan of(ModelFolder folder, EngineOptions options, int positions, int threads)
            throws InvalidModelException {
        if (options.blockSize() < 1) {
            throw new InvalidModelException(
                    "--block-size is %d; 1 is the least.".formatted(options.blockSize()));
        }
        AttentionShape shape = folder.attentionShape();
        boolean int8 = options.weights() == Weights.INT8;
        return new HeapPlan(
                folder.path().toString(),
                int8 ? folder.int8WeightBytes() : folder.weightBytes(),
                int8 ? 0 : folder.int8WeightBytes(),
                scratch(folder, options, positions, threads),
                KvCache.blockBytes(shape, options.blockSize()),
                (positions + options.blockSize() - 1) / options.blockSize(),
                options);
    }

    /** Bytes of a step's rows, of its logits, of the workers' scratch, and of the rotary table. */
    private static long scratch(
            ModelFolder folder, EngineOptions options, long positions, int threads) {
        AttentionShape shape = folder.attentionShape();
        long tokens = options.maxBatchedTokens();
        long samples = options.maxSamples();
        long queries = (long) shape.heads() * shape.headSize();
        long keys = (long) shape.kvHeads() * shape.headSize();
        long vocabulary = folder.vocabularySize();
        long hidden = folder.hidden();
        long inner = folder.intermediate();
        long perToken = 2 * hidden + 3 * queries + 2 * keys + inner;
        long packed = Math.max(Math.max(hidden, queries), inner);
        long logits = samples * (vocabulary + hidden);
        long sums = tokens * StripMatmul.MAX_STRIPS * StripKernels.STRIP;
        long scores = CpuAttention.floats(shape, positions + options.blockSize());
        long perWorker = sums + scores + CpuSampler.WORDS_PER_TOKEN * vocabulary;
        long rotary = positions * shape.headSize();
        long lookup =
                options.speculate() == Speculate.OFF
                        ? 0
                        : LOOKUP_WORDS * positions * options.maxSequences();
        long all = tokens * (perToken + packed) + logits + threads * perWorker + rotary + lookup;
        return Float.BYTES * all;
    }

    /**
     * Number of blocks of the cache, block 0 included, which is never allocated.
     *
     * @param heap maximum size of the heap, in bytes
     * @throws InvalidModelException it does not fit, with the figures and the remedy
     */
    int blocks(long heap) throws InvalidModelException {
        if (block / Float.BYTES > Integer.MAX_VALUE - 16) {
            throw new InvalidModelException(
                    "--block-size is %d: a block of %d MiB is more than the CPU backend can index."
                            .formatted(options.blockSize(), block / MIB));
        }
        long left = heap - withoutCache(heap);
        long whole = (perSequence + 1) * block;
        long asked = options.kvCacheBytes();
        // Other users of the heap get half of what is left, unless an option says otherwise.
        long bytes = asked > 0 ? asked : Math.max(whole, Math.min(heap / 4, left / 2));
        long useful = perSequence * options.maxSequences() + 1;
        long blocks = Math.min(Math.min(useful, bytes / block), Integer.MAX_VALUE - 16);
        if (blocks < 2) {
            throw new InvalidModelException(
                    "A KV cache of %d bytes has no room for two blocks of %d bytes: raise --kv-cache-memory."
                            .formatted(bytes, block));
        }
        if (blocks * block > left) {
            throw tooLarge(heap, blocks * block, left);
        }
        return (int) blocks;
    }

    private long withoutCache(long heap) {
        return weights + weights / ARRAY_LOSS + scratch + options.constraintBytes(heap) + OTHERS;
    }

    /** The least heap for a cache, whose part for constraints grows with it. */
    private long needed(long cache) {
        long needed = 0;
        long before;
        do {
            before = needed;
            needed = withoutCache(before) + cache;
        } while (needed != before);
        return needed;
    }

    private InvalidModelException tooLarge(long heap, long cache, long left) {
        long needed = needed(cache);
        return new InvalidModelException(
                ("The model in %s needs a heap of %s, and this one has %s: %s for the weights, %s for"
                                + " the KV cache (%s), %s for steps (--max-batched-tokens %d,"
                                + " --max-sequences %d), %s for constraints (--constraint-memory), %s for"
                                + " Flink, Kafka and requests. Raise the"
                                + " heap (MILLRACE_OPTS=-Xmx%dm; on a cluster"
                                + " taskmanager.memory.process.size)%s.")
                        .formatted(
                                model,
                                mib(needed),
                                mib(heap),
                                mib(weights + weights / ARRAY_LOSS),
                                mib(cache),
                                options.kvCacheBytes() > 0
                                        ? "--kv-cache-memory"
                                        : "one whole context; --max-model-len lowers it",
                                mib(scratch),
                                options.maxBatchedTokens(),
                                options.maxSequences(),
                                mib(options.constraintBytes(needed)),
                                mib(OTHERS),
                                (needed + MIB - 1) / MIB,
                                smaller(left)));
    }

    /** The other remedies that would work, if there are any. */
    private String smaller(long left) {
        if (left >= 2 * block) {
            return ", or give --kv-cache-memory at most " + memory(left);
        }
        long saved = weights - otherWeights + (weights - otherWeights) / ARRAY_LOSS;
        if (otherWeights > 0 && left + saved >= 2 * block) {
            return ", or take --weights int8 (other answers) with --kv-cache-memory of at most "
                    + memory(left + saved);
        }
        return "";
    }

    /** A size in the form of an option, rounded down. */
    private static String memory(long bytes) {
        return bytes >= 10 * MIB ? bytes / MIB + "m" : bytes / 1024 + "k";
    }

    private static String mib(long bytes) {
        return String.format(Locale.ROOT, "%,d MiB", (bytes + MIB - 1) / MIB);
    }
}
