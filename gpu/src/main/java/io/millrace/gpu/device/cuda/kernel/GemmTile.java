package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.KernelLaunch;

/**
 * One kernel of gemm.cu or gemm_cluster.cu: a line of include/gemm_tiles.h.
 *
 * @param tokens tokens of a tile: 64, 128 or 256
 * @param rows rows of the weight in a tile
 * @param cluster CTAs of a cluster, each with one split-K segment; 1: a CTA computes all segments
 * @param most most segments that a CTA can compute
 * @param stages stages of 64 k in shared memory
 * @param resident CTAs that fit on a multiprocessor
 */
public record GemmTile(int tokens, int rows, int cluster, int most, int stages, int resident) {
    /** Bytes of 64 k of one token or row. */
    private static final int LINE = 128;

    /** Least tokens of a warpgroup. */
    private static final int WARPGROUP_TOKENS = 64;

    private static final int WARPGROUP = 128;

    /** Sums per thread from which on the producer warps give registers to the others. */
    private static final int MANY_SUMS = 128 * 144;

    /** Logits in shared memory for every two threads of a head that samples. */
    private static final int LOGITS_PER_PAIR = 64;

    /** The part of the kernel's name. */
    String name() {
        return tokens
                + "x"
                + rows
                + (cluster > 1 ? "x" + cluster : "")
                + (most > 1 ? "all" + most : "");
    }

    /**
     * Whether it can compute such a matmul.
     *
     * @param gated whether rows of gate and up alternate by eight
     */
    boolean takes(int segments, boolean gated) {
        return (cluster > 1 ? segments == cluster : segments <= most)
                && (!gated || rows % (2 * 8) == 0);
    }

    /** Whether less than half of its tokens would be empty, or no tile has fewer tokens. */
    boolean suits(int bucket) {
        return tokens == WARPGROUP_TOKENS || tokens < 2 * bucket;
    }

    int threads() {
        if (tokens == WARPGROUP_TOKENS) {
            return WARPGROUP + 32;
        }
        return tokens * rows > MANY_SUMS || most > 2 ? 3 * WARPGROUP : 2 * WARPGROUP + 32;
    }

    /**
     * Shared memory: the stages, or a segment's sums, which reuse their memory; and two barriers
     * per stage.
     */
    int sharedBytes() {
        int stride = rows % 16 == 0 ? rows + 8 : rows;
        int sums = cluster > 1 ? tokens * stride * Float.BYTES : 0;
        return Math.max(stages * stageBytes(tokens), sums) + stages * 2 * Long.BYTES;
    }

    /** Bytes that a CTA reads for every 64 of k: its rows, and so many tokens. */
    int stageBytes(int liveTokens) {
        return (liveTokens + rows) * LINE;
    }

    /** Bytes of scratch for sums that are kept in memory. */
    long partials(int multiprocessors) {
        return most == 1 ? 0 : (long) multiprocessors * resident * tokens * rows * Float.BYTES;
    }

    /** Number of tiles of a matmul. */
    int tiles(int bucket, int weightRows) {
        return (bucket + tokens - 1) / tokens * ((weightRows + rows - 1) / rows);
    }

    /** Number of CTAs: one per tile and segment, or as many persistent ones as fit on the GPU. */
    KernelLaunch launch(String type, int bucket, int weightRows, int multiprocessors) {
        return launchAs("gemm_" + type, bucket, weightRows, multiprocessors);
    }

    /** The same for kernels of another name with the same product; the tile's name is added. */
    KernelLaunch launchAs(String kernel, int bucket, int weightRows, int multiprocessors) {
        return launch(kernel, bucket, weightRows, multiprocessors, sharedBytes());
    }

    /** The same where the warpgroups of a CTA have tiles in turns. */
    KernelLaunch launchTurns(String type, int bucket, int weightRows, int multiprocessors) {
        return launchAs("gemm_turns_" + type, bucket, weightRows, multiprocessors);
    }

    /** The same for the head that samples. */
    KernelLaunch launchHead(String type, int bucket, int weightRows, int multiprocessors) {
        return launch("head_" + type, bucket, weightRows, multiprocessors, headSharedBytes());
    }

    /** Shared memory of the head that samples: that of its matmul, and logits. */
    int headSharedBytes() {
        int multiplying = tokens == WARPGROUP_TOKENS ? WARPGROUP : 2 * WARPGROUP;
        return sharedBytes() + multiplying / 2 * LOGITS_PER_PAIR * Float.BYTES;
    }

    private KernelLaunch launch(
            String kernel, int bucket, int weightRows, int multiprocessors, int shared) {
        int tiles = tiles(bucket, weightRows);
        return new KernelLaunch(
                kernel + "_" + name(),
                cluster > 1 ? tiles : Math.min(tiles, resident * multiprocessors),
                1,
                cluster,
                threads(),
                shared);
    }
}
