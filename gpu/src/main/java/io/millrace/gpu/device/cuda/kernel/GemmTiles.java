package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Chooses the tile of products on Hopper's tensor cores (gemm.cu), on GPUs that have them, by how
 * long each is expected to take. Its choice changes no bit: docs/numerics.md. One thread; choices
 * are remembered, for steps that are launched kernel by kernel.
 */
public final class GemmTiles {
    /** All of include/gemm_tiles.h, in its order. */
    static final List<GemmTile> ALL =
            List.of(
                    new GemmTile(64, 48, 1, 1, 8, 2),
                    new GemmTile(64, 64, 1, 1, 7, 2),
                    new GemmTile(64, 80, 1, 1, 6, 2),
                    new GemmTile(64, 112, 1, 1, 5, 2),
                    new GemmTile(128, 96, 1, 1, 8, 1),
                    new GemmTile(128, 128, 1, 1, 7, 1),
                    new GemmTile(128, 160, 1, 1, 6, 1),
                    new GemmTile(256, 112, 1, 1, 4, 1),
                    new GemmTile(256, 128, 1, 1, 4, 1),
                    new GemmTile(128, 256, 1, 2, 4, 1),
                    new GemmTile(128, 128, 1, 2, 7, 1),
                    new GemmTile(128, 112, 1, 8, 7, 1),
                    new GemmTile(128, 128, 1, 8, 7, 1),
                    new GemmTile(64, 16, 2, 1, 8, 2),
                    new GemmTile(64, 24, 2, 1, 8, 2),
                    new GemmTile(64, 48, 2, 1, 8, 2),
                    new GemmTile(64, 64, 2, 1, 7, 2),
                    new GemmTile(128, 96, 2, 1, 8, 1),
                    new GemmTile(128, 128, 2, 1, 7, 1),
                    new GemmTile(64, 64, 4, 1, 7, 2),
                    new GemmTile(128, 144, 4, 1, 6, 1),
                    new GemmTile(64, 64, 8, 1, 7, 2),
                    new GemmTile(128, 128, 8, 1, 7, 1));

    /** All of include/head_tiles.h, in its order: fewest tokens first. */
    static final List<GemmTile> HEADS =
            List.of(
                    new GemmTile(64, 128, 1, 1, 4, 2),
                    new GemmTile(128, 128, 1, 1, 6, 1),
                    new GemmTile(256, 128, 1, 1, 4, 1));

    /** That of qkv.cu. */
    static final GemmTile OF_HEADS = new GemmTile(64, 64, 2, 1, 7, 2);

    /** Elements of the heads that qkv.cu finishes. */
    static final int HEAD_SIZE = 64;

    /** What a kernel takes that finishes heads, nanoseconds. */
    private static final double FINISH_HEADS = 1500;

    /** Compute capability, times ten, of the only GPUs that have these instructions. */
    static final int HOPPER = 90;

    private static final String TYPE = "bf16";

    /** Of k, in a stage. */
    private static final double BLOCK = 64;

    // Fitted to what an H200 took for every tile of 140 products (docs/kernels.md), in nanoseconds
    // and in bytes, products or sums a nanosecond. They pick what is 1 % slower than the best on
    // average.
    private static final double MEMORY = 4300;
    private static final double L2_TO_MULTIPROCESSOR = 170;
    private static final double PRODUCTS = 2400;
    private static final double FINISHED = 5;
    private static final double SHORTEST_STAGE = 290;
    private static final double CLOSE = 2400;

    /** Of what is the shorter, copies or products, this much is not hidden by the other. */
    private static final double SEEN = 0.2;

    /** Share of the multiprocessors that clusters of more than two find room on. */
    private static final double IN_CLUSTERS = 120.0 / 132;

    /** Up to so many tokens a weight of fewer bytes is faster on tiles of 16 tokens. */
    private static final int FEW_TOKENS = 16;

    private static final long SMALL_WEIGHT = 32 << 20;

    /** Weights with more rows and columns than this are of models bound by the GPU's memory. */
    private static final int NARROW = 2048;

    /** Shared memory of a CTA that has a multiprocessor to itself, among CTAs of products. */
    private static final int ALONE_BYTES = 116 << 10;

    /** What a tile is chosen by. */
    private record Product(int tokens, int rows, int k, int segments, boolean gated) {}

    private final List<GemmTile> tiles;
    private final List<GemmTile> heads;
    private final int multiprocessors;

    /** Of a CTA. */
    private final int mostShared;

    private final Map<Product, Optional<KernelLaunch>> chosen = new HashMap<>();

    /** Of those that finish heads. */
    private final Map<Product, Optional<KernelLaunch>> finishing = new HashMap<>();

    private GemmTiles(
            List<GemmTile> tiles, List<GemmTile> heads, int multiprocessors, int mostShared) {
        this.tiles = tiles;
        this.heads = heads;
        this.mostShared = mostShared;
        this.multiprocessors = multiprocessors;
    }

    /** Those that a GPU runs: none of them on any but Hopper's. */
    public static GemmTiles on(DeviceLimits limits, int multiprocessors) {
        if (limits.capability() != HOPPER) {
            return new GemmTiles(List.of(), List.of(), multiprocessors, limits.sharedBytes());
        }
        int most = limits.sharedBytes();
        return new GemmTiles(
                ALL.stream().filter(t -> t.sharedBytes() <= most).toList(),
                HEADS.stream().filter(t -> t.headSharedBytes() <= most).toList(),
                multiprocessors,
                most);
    }

    /** None: products run as on other GPUs. */
    public static GemmTiles none() {
        return new GemmTiles(List.of(), List.of(), 1, 0);
    }

    /**
     * How to launch a product here; nothing if {@link Launches#matmul} has to.
     *
     * @param tokens that the launch is made for
     * @param rows of the weight as stored
     * @param gated whether its rows are gate and up
     */
    public Optional<KernelLaunch> launch(
            String type, int tokens, int rows, int k, int segments, boolean gated) {
        boolean small = tokens <= FEW_TOKENS && 2L * rows * k < SMALL_WEIGHT;
        if (!type.equals(TYPE) || small) {
            return Optional.empty();
        }
        return chosen.computeIfAbsent(new Product(tokens, rows, k, segments, gated), this::choose);
    }

    /**
     * How to launch the product of queries, keys and values together with all that is done to them;
     * nothing if they run one after the other.
     *
     * @param tokens that the launch is made for
     * @param rows of the weight as stored
     * @param headSize elements of a head
     */
    public Optional<KernelLaunch> launchQkv(
            String type, int tokens, int rows, int k, int segments, int headSize) {
        if (headSize != HEAD_SIZE || launch(type, tokens, rows, k, segments, false).isEmpty()) {
            return Optional.empty();
        }
        return finishing.computeIfAbsent(
                new Product(tokens, rows, k, segments, false), this::chooseFinishing);
    }

    private Optional<KernelLaunch> chooseFinishing(Product p) {
        GemmTile tile = OF_HEADS;
        if (!tile.takes(p.segments, false) || tile.sharedBytes() > mostShared) {
            return Optional.empty();
        }
        double apart =
                tiles.stream()
                        .filter(t -> t.takes(p.segments, false) && t.suits(p.tokens))
                        .mapToDouble(t -> nanoseconds(t, p.tokens, p.rows, p.k, false))
                        .min()
                        .orElse(0);
        if (nanoseconds(tile, p.tokens, p.rows, p.k, false) >= apart + FINISH_HEADS) {
            return Optional.empty();
        }
        KernelLaunch product = tile.launch(TYPE, p.tokens, p.rows, multiprocessors);
        return Optional.of(
                new KernelLaunch(
                        "qkv_" + TYPE + "_" + HEAD_SIZE + "_" + tile.name(),
                        product.x(),
                        product.y(),
                        product.z(),
                        product.threads(),
                        product.sharedBytes()));
    }

    private Optional<KernelLaunch> choose(Product p) {
        return tiles.stream()
                .filter(t -> t.takes(p.segments, p.gated) && t.suits(p.tokens))
                .min(
                        Comparator.comparingDouble(
                                t -> nanoseconds(t, p.tokens, p.rows, p.k, p.gated)))
                .map(t -> spread(p, t.launch(TYPE, p.tokens, p.rows, multiprocessors)));
    }

    /**
     * Has CTAs that are no more than the multiprocessors take one each. Where they begin early they
     * go where there is room, and two that share a multiprocessor's way to the L2 cache end late.
     */
    private KernelLaunch spread(Product p, KernelLaunch launch) {
        boolean few = launch.x() * launch.z() <= multiprocessors;
        boolean wide = Math.min(p.rows, p.k) > NARROW;
        if (!few || !wide || ALONE_BYTES > mostShared) {
            return launch;
        }
        return new KernelLaunch(
                launch.kernel(),
                launch.x(),
                launch.y(),
                launch.z(),
                launch.threads(),
                Math.max(launch.sharedBytes(), ALONE_BYTES));
    }

    /**
     * How to launch the head that draws, of a weight of one segment; nothing if {@link
     * Launches#head} has to. As few tokens a tile as hold all, for the weight is then read once.
     *
     * @param tokens that the launch is made for
     * @param rows of the weight as stored
     */
    public Optional<KernelLaunch> head(String type, int tokens, int rows) {
        if (!type.equals(TYPE) || heads.isEmpty()) {
            return Optional.empty();
        }
        GemmTile widest = heads.get(heads.size() - 1);
        GemmTile tile = heads.stream().filter(t -> t.tokens() >= tokens).findFirst().orElse(widest);
        return Optional.of(tile.launchHead(TYPE, tokens, rows, multiprocessors));
    }

    /** Bytes of scratch that every product has enough of. */
    public long partials(String type) {
        return !type.equals(TYPE)
                ? 0
                : tiles.stream().mapToLong(t -> t.partials(multiprocessors)).max().orElse(0);
    }

    /** Of the multiprocessor with the most CTAs, or of reading the weight. */
    private double nanoseconds(GemmTile tile, int tokens, int rows, int k, boolean gated) {
        int ctas = tile.tiles(tokens, rows) * tile.cluster();
        double room = tile.cluster() > 2 ? multiprocessors * IN_CLUSTERS : multiprocessors;
        double turns = Math.ceil(ctas / room);
        int live = Math.min(tile.tokens(), (tokens + 7) / 8 * 8);
        double copies = tile.stageBytes(live) / L2_TO_MULTIPROCESSOR;
        double products = tile.tokens() * tile.rows() * BLOCK / PRODUCTS;
        double stage = Math.max(copies, products) + SEEN * Math.min(copies, products);
        double stages = turns * Numerics.pad(k) / BLOCK / tile.cluster();
        // What a gated tile finishes is half as much, and hidden.
        double finish = gated ? 0 : turns * live * tile.rows() / FINISHED;
        if (tile.cluster() > 1) {
            finish = finish / tile.cluster() + CLOSE;
        }
        if (tile.resident() > 1 && turns > 1) {
            finish /= 2;
        }
        double read = 2.0 * rows * k / MEMORY;
        return Math.max(stages * Math.max(stage, SHORTEST_STAGE), read) + finish;
    }
}
