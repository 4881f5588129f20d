package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;

/**
 * Chooses kernel, tile and grid of each op from shapes and a bucket of tokens, and says what
 * scratch they need. No choice here changes a bit of a result; segments, which do, are given
 * ({@link Segmentation}). Parameters are the structs of include/params.h; types are {@code bf16},
 * {@code f16} and {@code f32}.
 *
 * <p>The kernels of each op, in order:
 *
 * <pre>
 * begin                   resolve; attention_plan, once for each window of the model (not for f32)
 * embed, norm             embed; norm
 * qkvProjectRopeStoreKv   qkv; or matmul (STORE), qkv_finish
 * attention               attention_decode[_sm90] or attention_cascade, {@link PrefillKernel}; or attention_f32
 * matmulAdd, Gated, Gelu  matmul (ADD, GATED, GELU)
 * logits                  norm (gather), matmul (STORE, sampledOnly); or head, which draws as well
 * </pre>
 *
 * The kernel of prefill finds nothing to do in a step whose rows have one token each,
 * attention_decode in one whose rows all have several: they may be left out there.
 * attention_cascade is for steps in which rows of one token may share chunks ({@link
 * SharedChunks}).
 */
public final class Launches {
    /** The most tokens that a product splits the sum over k among CTAs for. */
    static final int MOST_SPLIT_TOKENS = 512;

    /** Tokens of a tile where the sum over k is split. */
    private static final int NARROWEST = 16;

    private static final int WIDEST = 128;

    /** CTAs that keep a GPU busy; more of them read more. */
    private static final int ENOUGH_CTAS = 96;

    /** (token, query head) pairs of an item that rows share. */
    private static final int SHARED_PAIRS = 64;

    /** Query heads that one CTA of attention_decode takes at once. */
    private static final int DECODE_HEADS = 16;

    /** The same of attention_decode_sm90. */
    private static final int RING_HEADS = 8;

    /** Four warps of attention_decode_sm90 that multiply, two that copy. */
    private static final int RING_THREADS = 192;

    /**
     * Its ring of six tiles of 64 elements, the weights of a chunk, and 1 KB for what warps
     * exchange.
     */
    private static final int RING_BYTES =
            6 * Numerics.ATTENTION_TILE * 64 * 2 + RING_HEADS * Numerics.ATTENTION_CHUNK * 2 + 1024;

    private static final int THREADS = 128;
    private static final int TILE = Numerics.TILE;

    private Launches() {}

    /** ResolveParams: one thread a sample. */
    public static KernelLaunch resolve(int rows) {
        return new KernelLaunch("resolve", ceil(rows, THREADS), 1, 1, THREADS, 0);
    }

    /** EmbedParams: one CTA a token. */
    public static KernelLaunch embed(String type, int tokens) {
        return new KernelLaunch("embed_" + type, tokens, 1, 1, THREADS, 0);
    }

    /** NormParams: one CTA a row. */
    public static KernelLaunch norm(String type, int tokens) {
        return new KernelLaunch("norm_" + type, tokens, 1, 1, THREADS, 0);
    }

    /**
     * MatmulParams, where {@link GemmTiles} has no tile. Tiles are as wide in tokens as they can be
     * while their CTAs still fill the GPU: by the sweep in docs/kernels.md.
     *
     * @param rows of the weight as stored
     * @param segments of the weight, {@link Segmentation}
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

    /** Whether a product's CTAs have 128 rows and 128 tokens, and do all segments themselves. */
    static boolean isLarge(int tokens, int rows) {
        int tiles = Numerics.pad(rows) / TILE;
        int largeTiles = ceil(tiles, 2) * ceil(tokens, 2 * TILE);
        return tokens > MOST_SPLIT_TOKENS || tokens > TILE && largeTiles >= ENOUGH_CTAS;
    }

    /** Tiles of a product that is not large, each as wide in tokens as can be. */
    static int widestTiles(int tokens, int rows) {
        return Numerics.pad(rows) / TILE * ceil(tokens, WIDEST);
    }

    /** HeadParams, where {@link GemmTiles} has no tile: as matmul for a weight of one segment. */
    public static KernelLaunch head(String type, int tokens, int rows) {
        KernelLaunch product = matmul(type, tokens, rows, 1);
        return new KernelLaunch(
                product.kernel().replace("matmul", "head"),
                product.x(),
                product.y(),
                product.z(),
                product.threads(),
                product.sharedBytes());
    }

    private static int matmulStages(int width) {
        return width <= 16 ? 8 : width <= 64 ? 6 : 4;
    }

    /**
     * Bytes of scratch for the partial sums of the weight, on GPUs without clusters; all products
     * can share the largest.
     */
    public static long matmulPartials(int mostTokens, int rows, int segments) {
        int tokens = ceil(Math.min(mostTokens, MOST_SPLIT_TOKENS), WIDEST) * WIDEST;
        return segments == 1 ? 0 : (long) tokens * Numerics.pad(rows) * segments * Float.BYTES;
    }

    /** Words of arrival counters for the weight; all products can share the largest. */
    public static int matmulArrivals(int rows) {
        return Numerics.pad(rows) / TILE * (MOST_SPLIT_TOKENS / NARROWEST);
    }

    /** QkvFinishParams: one warp a head of a token. */
    public static KernelLaunch qkvFinish(String type, int tokens, AttentionShape shape) {
        int heads = shape.heads() + 2 * shape.kvHeads();
        return new KernelLaunch("qkv_finish_" + type, tokens, ceil(heads, 4), 1, THREADS, 0);
    }

    /** AttentionPlanParams: one CTA. */
    public static KernelLaunch attentionPlan() {
        return new KernelLaunch("attention_plan", 1, 1, 1, 1024, 0);
    }

    /**
     * AttentionParams, rows of one token: CTAs walk through the items of the plan. On Hopper, in
     * steps whose kernels begin early, K and V come through a ring that is filled before; where kv
     * heads have few enough query heads and a CTA enough shared memory.
     *
     * @param multiprocessors of the GPU
     * @param early whether the kernel may begin before the one before it has ended
     */
    public static KernelLaunch attentionDecode(
            String type,
            AttentionShape shape,
            int multiprocessors,
            DeviceLimits limits,
            boolean early) {
        int head = TileLayout.paddedHead(shape.headSize());
        boolean fits = limits.sharedBytes() >= RING_BYTES && shape.group() <= RING_HEADS;
        if (early && limits.capability() == GemmTiles.HOPPER && fits) {
            return new KernelLaunch(
                    "attention_decode_sm90_" + type + "_" + head,
                    2 * multiprocessors,
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

    /** What walks through the items of the plan, a part of the heads for each CTA in y. */
    private static KernelLaunch walking(
            String kernel, String type, AttentionShape shape, int resident, int shared) {
        int head = TileLayout.paddedHead(shape.headSize());
        int y = shape.kvHeads() * ceil(shape.group(), DECODE_HEADS);
        return new KernelLaunch(
                kernel + type + "_" + head, together(resident, y), y, 1, THREADS, shared);
    }

    /**
     * AttentionParams, rows of one token some of whose chunks others have too: an item of theirs
     * takes 64 (token, query head) pairs.
     *
     * @param multiprocessors of the GPU
     */
    public static KernelLaunch attentionCascade(
            String type, AttentionShape shape, int multiprocessors) {
        int head = TileLayout.paddedHead(shape.headSize());
        int resident = head == 64 ? 3 : 2;
        int shared = 2 * Numerics.ATTENTION_TILE * head * 2 + SHARED_PAIRS * head * 2 + 1024;
        return walking("attention_cascade_", type, shape, multiprocessors * resident, shared);
    }

    /** AttentionParams for F32: one warp a head of a token. */
    public static KernelLaunch attentionF32(AttentionShape shape, int tokens) {
        return new KernelLaunch("attention_f32", tokens, ceil(shape.heads(), 4), 1, THREADS, 0);
    }

    /** Most decode items of a step. Rows share blocks, so the cache's size is no bound. */
    public static int decodeItems(int rows, int maxPositions) {
        return Math.multiplyExact(rows, ceil(maxPositions, Numerics.ATTENTION_CHUNK));
    }

    /**
     * Chunks of a step from which on it pays to read those once that rows share: those that all
     * multiprocessors have at the same time.
     */
    public static int leastToShare(AttentionShape shape, int multiprocessors) {
        return 3 * multiprocessors / (shape.kvHeads() * ceil(shape.group(), DECODE_HEADS));
    }

    /** Most items of chunks that rows share: each has two of their decode items at least. */
    public static int sharedItems(int decodeItems) {
        return decodeItems / 2 + 1;
    }

    /** Words of counters of chunks that are computed. */
    public static int attentionArrivals(AttentionShape shape, int tokens) {
        return tokens * shape.kvHeads() * ceil(shape.group(), DECODE_HEADS);
    }

    /** Bytes of scratch for chunks that are still to be folded. */
    public static long attentionPartials(AttentionShape shape, int decodeItems) {
        int head = TileLayout.paddedHead(shape.headSize());
        return (long) decodeItems * shape.heads() * (head + 4) * Float.BYTES;
    }

    /**
     * CTAs in x, of those that walk through a list of items. All have to run at the same time: what
     * does not fit waits for others to be done with all of their items.
     *
     * @param resident CTAs that the GPU has room for
     * @param y CTAs of the grid in y
     */
    private static int together(int resident, int y) {
        return Math.max(1, resident / y);
    }

    private static int ceil(int n, int by) {
        return (n + by - 1) / by;
    }
}
