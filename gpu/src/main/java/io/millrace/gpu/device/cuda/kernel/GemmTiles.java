package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Chooses the tile of each GEMM on Hopper's tensor cores (gemm.cu), on GPUs that have them, by a
 * cost model. The choice changes no bit: docs/numerics.md. One thread; choices are cached, for
 * steps that are launched kernel by kernel.
 */
public final class GemmTiles {
    /** The tiles of include/gemm_tiles.h, in its order. */
    static final List<GemmTile> ALL =
            List.of(
                    new GemmTile(64, 48, 1, 1, 8, 2),
                    new GemmTile(64, 64, 1, 1, 7, 2),
                    new GemmTile(64, 80, 1, 1, 6, 2),
                    new GemmTile(64, 112, 1, 1, 5, 2),
                    new GemmTile(128, 48, 1, 1, 8, 1),
                    new GemmTile(128, 96, 1, 1, 8, 1),
                    new GemmTile(128, 128, 1, 1, 7, 1),
                    new GemmTile(128, 160, 1, 1, 6, 1),
                    new GemmTile(128, 192, 1, 1, 5, 1),
                    new GemmTile(256, 112, 1, 1, 4, 1),
                    new GemmTile(128, 256, 1, 2, 4, 1),
                    new GemmTile(128, 128, 1, 2, 7, 1),
                    new GemmTile(128, 112, 1, 8, 7, 1),
                    new GemmTile(128, 128, 1, 8, 7, 1),
                    new GemmTile(64, 16, 2, 1, 8, 2),
                    new GemmTile(64, 24, 2, 1, 8, 2),
                    new GemmTile(64, 48, 2, 1, 8, 2),
                    new GemmTile(64, 64, 2, 1, 7, 2),
                    new GemmTile(128, 64, 2, 1, 8, 1),
                    new GemmTile(128, 96, 2, 1, 8, 1),
                    new GemmTile(128, 128, 2, 1, 7, 1),
                    new GemmTile(64, 64, 4, 1, 7, 2),
                    new GemmTile(128, 72, 4, 1, 8, 1),
                    new GemmTile(128, 144, 4, 1, 6, 1),
                    new GemmTile(64, 64, 8, 1, 7, 2),
                    new GemmTile(128, 128, 8, 1, 7, 1));

    /** The tiles that the warpgroups of a CTA have in turns, of include/gemm_tiles.h. */
    static final List<GemmTile> TURNS =
            List.of(new GemmTile(128, 160, 1, 1, 6, 1), new GemmTile(128, 176, 1, 1, 5, 1));

    /** The tiles of include/head_tiles.h, in its order: fewest tokens first. */
    static final List<GemmTile> HEADS =
            List.of(
                    new GemmTile(64, 128, 1, 1, 4, 2),
                    new GemmTile(128, 128, 1, 1, 6, 1),
                    new GemmTile(256, 128, 1, 1, 4, 1));

    /** The tiles of qkv.cu and qkv_whole.cu, by elements of the heads that they finish. */
    static final Map<Integer, List<GemmTile>> OF_HEADS =
            Map.of(
                    64,
                    List.of(
                            new GemmTile(64, 64, 2, 1, 7, 2),
                            new GemmTile(128, 128, 1, 2, 7, 1),
                            new GemmTile(128, 192, 1, 2, 5, 1)),
                    128,
                    List.of(
                            new GemmTile(128, 128, 1, 2, 7, 1),
                            new GemmTile(128, 256, 1, 2, 4, 1)));

    /** Time of a qkv_finish kernel, in nanoseconds: its launch, and each head of a token. */
    private static final double FINISH_LAUNCH = 1500;

    private static final double FINISH_HEAD = 0.3;

    /** Compute capability, times ten, of the only GPUs with these instructions. */
    static final int HOPPER = 90;

    private static final String TYPE = "bf16";

    /** k of a stage. */
    private static final double BLOCK = 64;

    // The constants of the cost model are fitted to measurements of every tile of 140 GEMMs on an
    // H200 (docs/kernels.md). Units are nanoseconds, and bytes, multiplications or sums per
    // nanosecond. The chosen tile is 1 % slower than the best on average.
    private static final double MEMORY = 4300;
    private static final double L2_TO_MULTIPROCESSOR = 170;
    private static final double PRODUCTS = 2400;
    private static final double FINISHED = 5;
    private static final double SHORTEST_STAGE = 290;
    private static final double CLOSE = 2400;

    /** Share of the shorter of copies and multiplications that the other does not hide. */
    private static final double SEEN = 0.2;

    /**
     * Time of gated tiles in turns, relative to others: they hide the epilogue but for the last.
     */
    private static final double IN_TURNS = 0.92;

    private static final double LAST_FINISH = 8000;

    /** Share of the multiprocessors on which clusters of more than two CTAs fit. */
    private static final double IN_CLUSTERS = 120.0 / 132;

    /** Most tokens for which a weight of fewer bytes is faster on tiles of 16 tokens. */
    private static final int FEW_TOKENS = 16;

    private static final long SMALL_WEIGHT = 32 << 20;

    /** Rows and columns above which a weight is taken to belong to a memory-bound model. */
    private static final int NARROW = 2048;

    /**
     * Shared memory with which a CTA has a multiprocessor to itself, beside CTAs of other GEMMs.
     */
    private static final int ALONE_BYTES = 116 << 10;

    /** The key of the cache of choices. */
    private record Product(int tokens, int rows, int k, int segments, boolean gated) {}

    private final List<GemmTile> tiles;
    private final List<GemmTile> turns;
    private final List<GemmTile> heads;
    private final int multiprocessors;

    /** Shared memory limit of a CTA. */
    private final int mostShared;

    private final Map<Product, Optional<KernelLaunch>> chosen = new HashMap<>();

    /** The same for qkv. */
    private final Map<Product, Optional<KernelLaunch>> finishing = new HashMap<>();

    private GemmTiles(
            List<GemmTile> tiles,
            List<GemmTile> turns,
            List<GemmTile> heads,
            int multiprocessors,
            int mostShared) {
        this.tiles = tiles;
        this.turns = turns;
        this.heads = heads;
        this.mostShared = mostShared;
        this.multiprocessors = multiprocessors;
    }

    /** The tiles that a GPU can run: none except on Hopper. */
    public static GemmTiles on(DeviceLimits limits, int multiprocessors) {
        if (limits.capability() != HOPPER) {
            return new GemmTiles(
                    List.of(), List.of(), List.of(), multiprocessors, limits.sharedBytes());
        }
        int most = limits.sharedBytes();
        return new GemmTiles(
                ALL.stream().filter(t -> t.sharedBytes() <= most).toList(),
                TURNS.stream().filter(t -> t.sharedBytes() <= most).toList(),
                HEADS.stream().filter(t -> t.headSharedBytes() <= most).toList(),
                multiprocessors,
                most);
    }

    /** No tiles: every matmul runs as on other GPUs. */
    public static GemmTiles none() {
        return new GemmTiles(List.of(), List.of(), List.of(), 1, 0);
    }

    /**
     * The launch of a matmul; empty if {@link Launches#matmul} has to be used.
     *
     * @param tokens tokens of the launch
     * @param rows rows of the weight as stored
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
     * The launch of the matmul of queries, keys and values with qkv_finish as its epilogue; empty
     * if two kernels have to be used.
     *
     * @param tokens tokens of the launch
     * @param rows rows of the weight as stored
     * @param headSize elements of a head
     */
    public Optional<KernelLaunch> launchQkv(
            String type, int tokens, int rows, int k, int segments, int headSize) {
        if (!OF_HEADS.containsKey(headSize)
                || launch(type, tokens, rows, k, segments, false).isEmpty()) {
            return Optional.empty();
        }
        return finishing.computeIfAbsent(
                new Product(tokens, rows, k, segments, false),
                product -> chooseFinishing(product, headSize));
    }

    private Optional<KernelLaunch> chooseFinishing(Product p, int headSize) {
        Optional<GemmTile> whole =
                fastest(
                        OF_HEADS.get(headSize).stream()
                                .filter(t -> t.sharedBytes() <= mostShared)
                                .toList(),
                        p);
        double apart =
                fastest(tiles, p).map(t -> nanoseconds(t, p)).orElse(0.0)
                        + FINISH_LAUNCH
                        + FINISH_HEAD * p.tokens * p.rows / headSize;
        return whole.filter(t -> nanoseconds(t, p) < apart)
                .map(
                        t ->
                                t.launchAs(
                                        "qkv_" + TYPE + "_" + headSize,
                                        p.tokens,
                                        p.rows,
                                        multiprocessors));
    }

    private Optional<KernelLaunch> choose(Product p) {
        Optional<GemmTile> tile = fastest(tiles, p);
        Optional<GemmTile> inTurns = p.gated ? fastest(turns, p) : Optional.empty();
        if (tile.isPresent() && inTurns.isPresent()) {
            double hidden = IN_TURNS * nanoseconds(inTurns.get(), p) + LAST_FINISH;
            if (hidden < nanoseconds(tile.get(), p)) {
                return inTurns.map(t -> t.launchTurns(TYPE, p.tokens, p.rows, multiprocessors));
            }
        }
        return tile.map(t -> spread(p, t.launch(TYPE, p.tokens, p.rows, multiprocessors)));
    }

    private Optional<GemmTile> fastest(List<GemmTile> of, Product p) {
        return of.stream()
                .filter(t -> t.takes(p.segments, p.gated) && t.suits(p.tokens))
                .min(Comparator.comparingDouble(t -> nanoseconds(t, p)));
    }

    /**
     * Makes CTAs that are no more than the multiprocessors run on one each. With programmatic
     * dependent launch they go wherever there is room, and two that share a multiprocessor's path
     * to the L2 cache end late.
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
     * The launch of the head that samples, for a weight of one segment; empty if {@link
     * Launches#head} has to be used. The tile has the fewest tokens that hold all, so that the
     * weight is read once.
     *
     * @param tokens tokens of the launch
     * @param rows rows of the weight as stored
     */
    public Optional<KernelLaunch> head(String type, int tokens, int rows) {
        if (!type.equals(TYPE) || heads.isEmpty()) {
            return Optional.empty();
        }
        GemmTile widest = heads.get(heads.size() - 1);
        GemmTile tile = heads.stream().filter(t -> t.tokens() >= tokens).findFirst().orElse(widest);
        return Optional.of(tile.launchHead(TYPE, tokens, rows, multiprocessors));
    }

    /** Bytes of scratch that are enough for every matmul. */
    public long partials(String type) {
        return !type.equals(TYPE)
                ? 0
                : tiles.stream().mapToLong(t -> t.partials(multiprocessors)).max().orElse(0);
    }

    private double nanoseconds(GemmTile tile, Product p) {
        return nanoseconds(tile, p.tokens, p.rows, p.k, p.gated);
    }

    /** Time of the multiprocessor with the most CTAs, or of reading the weight. */
    private double nanoseconds(GemmTile tile, int tokens, int rows, int k, boolean gated) {
        int ctas = tile.tiles(tokens, rows) * tile.cluster();
        double room = tile.cluster() > 2 ? multiprocessors * IN_CLUSTERS : multiprocessors;
        double turns = Math.ceil(ctas / room);
        int live = Math.min(tile.tokens(), (tokens + 7) / 8 * 8);
        double copies = tile.stageBytes(live) / L2_TO_MULTIPROCESSOR;
        double products = tile.tokens() * tile.rows() * BLOCK / PRODUCTS;
        double stage = Math.max(copies, products) + SEEN * Math.min(copies, products);
        double stages = turns * Numerics.pad(k) / BLOCK / tile.cluster();
        // A gated tile has half as many outputs, and their stores are hidden.
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
