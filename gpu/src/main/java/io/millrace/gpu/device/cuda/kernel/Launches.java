package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;

/**
 * Chooses kernel, tile and grid of each op from shapes and a bucket of tokens, and computes the
 * size of their scratch. No choice here changes a bit of a result; the number of split-K segments,
 * which does, is a parameter ({@link Segmentation}). Parameters are the structs of
 * include/params.h; types are {@code bf16}, {@code f16} and {@code f32}.
 *
 * <p>The kernels of each op, in order:
 *
 * <pre>
 * begin                   resolve; attention_plan, once for each window of the model (not for f32)
 * embed, norm             embed; norm
 * qkvProjectRopeStoreKv   qkv; or matmul (STORE), qkv_finish
 * attention               attention_decode[_sm90] or attention_cascade, {@link PrefillKernel}; or attention_f32
 * matmulAdd, Gated, Gelu  matmul (ADD, GATED, GELU)
 * logits                  norm (gather), matmul (STORE, sampledOnly); or head, which samples as well
 * </pre>
 *
 * The prefill kernel has no work in a step whose rows have one token each, and attention_decode in
 * a step whose rows all have several: each may be left out there. attention_cascade is for steps in
 * which rows of one token may share chunks ({@link SharedChunks}).
 */
public final class Launches {
    /** Most tokens of a matmul whose split-K segments have CTAs of their own. */
    static final int MOST_SPLIT_TOKENS = 512;

    /** Tokens of the narrowest tile. */
    private static final int NARROWEST = 16;

    private static final int WIDEST = 128;

    /** CTAs that keep a GPU busy; more CTAs read more memory. */
    private static final int ENOUGH_CTAS = 96;

    /** (token, query head) pairs per shared item. */
    private static final int SHARED_PAIRS = 64;

    /** Query heads per CTA of attention_decode. */
    private static final int DECODE_HEADS = 16;

    /** Query heads per CTA of attention_decode_sm90. */
    private static final int RING_HEADS = 8;

    /** Four consumer warps of attention_decode_sm90, and two producer warps. */
    private static final int RING_THREADS = 192;

    /**
     * Shared memory of attention_decode_sm90: a ring of six tiles of 64 elements, the weights of a
     * chunk, and 1 KB for the exchange between warps.
     */
    private static final int RING_BYTES =
            6 * Numerics.ATTENTION_TILE * 64 * 2 + RING_HEADS * Numerics.ATTENTION_CHUNK * 2 + 1024;

    private static final int THREADS = 128;
    private static final int TILE = Numerics.TILE;

    /** Tokens of the norms whose CTAs are spread over the multiprocessors. */
    private static final int LEAST_SPREAD = 32;

    private static final int MOST_SPREAD = 512;

    /** With this, five CTAs fit on a multiprocessor that has no other. */
    private static final int SPREAD_NORM_BYTES = 40 << 10;

    private Launches() {}

    /** ResolveParams: the same grid for all steps. */
    public static KernelLaunch resolve() {
        return new KernelLaunch(
                "resolve",
                ParamsHeader.RESOLVE_TABLE_CTAS + ParamsHeader.RESOLVE_BLOCK_CTAS,
                1,
                1,
                ParamsHeader.RESOLVE_THREADS,
                0);
    }

    /** EmbedParams: one CTA per token. */
    public static KernelLaunch embed(String type, int tokens) {
        return new KernelLaunch("embed_" + type, tokens, 1, 1, THREADS, 0);
    }

    /**
     * NormParams: one CTA per row. CTAs that begin early would crowd onto the multiprocessors that
     * the GEMM before them leaves free, and there wait for each other's loads: where they are many,
     * each asks for shared memory, so that a few fit. At more than {@value #MOST_SPREAD} tokens all
     * multiprocessors have many of them anyway.
     *
     * @param early whether the kernel may begin before the one before it has ended
     */
    public static KernelLaunch norm(String type, int tokens, boolean early) {
        boolean spread = early && tokens >= LEAST_SPREAD && tokens <= MOST_SPREAD;
        return new KernelLaunch(
                "norm_" + type, tokens, 1, 1, THREADS, spread ? SPREAD_NORM_BYTES : 0);
    }

    /**
     * MatmulParams, if {@link GemmTiles} has no tile. Tiles have as many tokens as possible while
     * their CTAs still fill the GPU, according to the sweep in docs/kernels.md.
     *
     * @param rows rows of the weight as stored
     * @param segments split-K segments of the weight, {@link Segmentation}
     */
    public static KernelLaunch matmul(String type, int tokens, int rows, int segments) {
        int tiles = Numerics.pad(rows) / TILE;
        if (type.equals("f32")) {
            return new KernelLaunch("matmul_f32", ceil(tokens, 16), tiles, 1, THREADS, 0);
        }
        if (isLarge(tokens, rows)) {
            return new KernelLaunch(
                    "matmul_" + type + "_large",
                    ceil(tokens, 2 * TILE),
                    ceil(tiles, 2),
                    1,
                    2 * THREADS,
                    3 * 2 * 2 * TILE * 128);
        }
        int width = WIDEST;
        while (width > NARROWEST
                && (width >= 2 * tokens || tiles * segments * ceil(tokens, width) < ENOUGH_CTAS)) {
            width /= 2;
        }
        return new KernelLaunch(
                "matmul_" + type + "_" + width + (segments > 1 ? "x" + segments : ""),
                ceil(tokens, width),
                tiles,
                segments,
                THREADS,
                matmulStages(width) * (TILE + width) * 128);
    }

    /** Whether a matmul's CTAs have 128 rows and 128 tokens, and compute all segments. */
    static boolean isLarge(int tokens, int rows) {
        int tiles = Numerics.pad(rows) / TILE;
        int largeTiles = ceil(tiles, 2) * ceil(tokens, 2 * TILE);
        return tokens > MOST_SPLIT_TOKENS || tokens > TILE && largeTiles >= ENOUGH_CTAS;
    }

    /** Number of tiles of a matmul that is not large, each with as many tokens as possible. */
    static int widestTiles(int tokens, int rows) {
        return Numerics.pad(rows) / TILE * ceil(tokens, WIDEST);
    }

    /** HeadParams, if {@link GemmTiles} has no tile: as matmul for a weight of one segment. */
    public static KernelLaunch head(String type, int tokens, int rows) {
        KernelLaunch matmul = matmul(type, tokens, rows, 1);
        return new KernelLaunch(
                matmul.kernel().replace("matmul", "head"),
                matmul.x(),
                matmul.y(),
                matmul.z(),
                matmul.threads(),
                matmul.sharedBytes());
    }

    private static int matmulStages(int width) {
        return width <= 16 ? 8 : width <= 64 ? 6 : 4;
    }

    /**
     * Bytes of scratch for the partial sums of a weight, on GPUs without clusters; all matmuls
     * share the largest.
     */
    public static long matmulPartials(int mostTokens, int rows, int segments) {
        int tokens = ceil(Math.min(mostTokens, MOST_SPLIT_TOKENS), WIDEST) * WIDEST;
        return segments == 1 ? 0 : (long) tokens * Numerics.pad(rows) * segments * Float.BYTES;
    }

    /** Words of arrival counters for a weight; all matmuls share the largest. */
    public static int matmulArrivals(int rows) {
        return Numerics.pad(rows) / TILE * (MOST_SPLIT_TOKENS / NARROWEST);
    }

    /** QkvFinishParams: one warp per head of a token. */
    public static KernelLaunch qkvFinish(String type, int tokens, AttentionShape shape) {
        int heads = shape.heads() + 2 * shape.kvHeads();
        return new KernelLaunch("qkv_finish_" + type, tokens, ceil(heads, 4), 1, THREADS, 0);
    }

    /** AttentionPlanParams: one CTA. */
    public static KernelLaunch attentionPlan() {
        return new KernelLaunch("attention_plan", 1, 1, 1, 1024, 0);
    }

    /**
     * AttentionParams, for rows of one token: CTAs loop over the items of the plan. On Hopper, with
     * programmatic dependent launch, the kernel fills a ring of K and V before its inputs are
     * complete, if kv heads have few enough query heads and a CTA enough shared memory. With heads
     * of 64 that pays only while each CTA has one item: two that follow each other take longer than
     * the twice as many CTAs of the other kernel.
     *
     * @param rows rows of the step, at most
     * @param multiprocessors multiprocessors of the GPU
     * @param early whether the kernel may begin before the one before it has ended
     */
    public static KernelLaunch attentionDecode(
            String type,
            AttentionShape shape,
            int rows,
            int multiprocessors,
            DeviceLimits limits,
            boolean early) {
        int head = TileLayout.paddedHead(shape.headSize());
        int ctas = 2 * multiprocessors;
        boolean fits = limits.sharedBytes() >= RING_BYTES && shape.group() <= RING_HEADS;
        boolean pays = head > 64 || rows * shape.kvHeads() <= ctas;
        if (early && limits.capability() == GemmTiles.HOPPER && fits && pays) {
            return new KernelLaunch(
                    "attention_decode_sm90_" + type + "_" + head,
                    ctas,
                    1,
                    1,
                    RING_THREADS,
                    RING_BYTES);
        }
        int resident = head == 64 ? 4 : 3;
        int tile = Numerics.ATTENTION_TILE * head * 2;
        int shared = 2 * tile + DECODE_HEADS * (Numerics.ATTENTION_TILE + head) * 2 + 1024;
        return walking("attention_decode_", type, shape, multiprocessors * resident, shared);
    }

    /** A kernel that loops over the items of the plan; a CTA in y has a part of the heads. */
    private static KernelLaunch walking(
            String kernel, String type, AttentionShape shape, int resident, int shared) {
        int head = TileLayout.paddedHead(shape.headSize());
        int y = shape.kvHeads() * ceil(shape.group(), DECODE_HEADS);
        return new KernelLaunch(
                kernel + type + "_" + head, together(resident, y), y, 1, THREADS, shared);
    }

    /**
     * AttentionParams, for rows of one token that share chunks: a shared item has 64 (token, query
     * head) pairs.
     *
     * @param multiprocessors multiprocessors of the GPU
     */
    public static KernelLaunch attentionCascade(
            String type, AttentionShape shape, int multiprocessors) {
        int head = TileLayout.paddedHead(shape.headSize());
        int resident = head == 64 ? 3 : 2;
        int shared = 2 * Numerics.ATTENTION_TILE * head * 2 + SHARED_PAIRS * head * 2 + 1024;
        return walking("attention_cascade_", type, shape, multiprocessors * resident, shared);
    }

    /** AttentionParams for F32: one warp per head of a token. */
    public static KernelLaunch attentionF32(AttentionShape shape, int tokens) {
        return new KernelLaunch("attention_f32", tokens, ceil(shape.heads(), 4), 1, THREADS, 0);
    }

    /** Most decode items of a step. The cache's size is no bound, because rows share blocks. */
    public static int decodeItems(int rows, int maxPositions) {
        return Math.multiplyExact(rows, ceil(maxPositions, Numerics.ATTENTION_CHUNK));
    }

    /**
     * Number of chunks of a step from which on shared items are faster: as many as run on all
     * multiprocessors at the same time.
     */
    public static int leastToShare(AttentionShape shape, int multiprocessors) {
        return 3 * multiprocessors / (shape.kvHeads() * ceil(shape.group(), DECODE_HEADS));
    }

    /** Most shared items of a step: each replaces at least two decode items. */
    public static int sharedItems(int decodeItems) {
        return decodeItems / 2 + 1;
    }

    /** Words of the counters of computed chunks. */
    public static int attentionArrivals(AttentionShape shape, int tokens) {
        return tokens * shape.kvHeads() * ceil(shape.group(), DECODE_HEADS);
    }

    /** Bytes of the partials of chunks. */
    public static long attentionPartials(AttentionShape shape, int decodeItems) {
        int head = TileLayout.paddedHead(shape.headSize());
        return (long) decodeItems * shape.heads() * (head + 4) * Float.BYTES;
    }

    /**
     * CTAs in x of a kernel that loops over a list of items. All should run at the same time: a CTA
     * that does not fit waits until others have done all their items.
     *
     * @param resident CTAs that fit on the GPU
     * @param y CTAs of the grid in y
     */
    private static int together(int resident, int y) {
        return Math.max(1, resident / y);
    }

    private static int ceil(int n, int by) {
        return (n + by - 1) / by;
    }
}
