package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.KernelLaunch;

/**
 * One kernel of gemm.cu or gemm_cluster.cu: a line of include/gemm_tiles.h.
 *
 * @param tokens of a tile: 64, 128 or 256
 * @param rows of the weight in a tile
 * @param cluster segments of the weight, one a CTA; 1: a CTA has all
 * @param most segments that a CTA can have
 * @param stages of 64 k in shared memory
 * @param resident CTAs of it that a multiprocessor holds
 */
public record GemmTile(int tokens, int rows, int cluster, int most, int stages, int resident) {
    /** Bytes of 64 k of one token or row. */
    private static final int LINE = 128;

    /** Tokens that one warpgroup has at least. */
    private static final int WARPGROUP_TOKENS = 64;

    private static final int WARPGROUP = 128;

    /** Sums of a thread from which on registers are taken from the warps that copy. */
    private static final int MANY_SUMS = 128 * 144;

    /** Logits that two threads have in shared memory, where a head draws. */
    private static final int DRAWN = 64;

    /** As in the kernel's name. */
    String name() {
        return tokens
                + "x"
                + rows
                + (cluster > 1 ? "x" + cluster : "")
                + (most > 1 ? "all" + most : "");
    }

    /**
     * Whether it computes such products.
     *
     * @param gated whether rows of gate and up alternate by eight
     */
    boolean takes(int segments, boolean gated) {
        return (cluster > 1 ? segments == cluster : segments <= most)
                && (!gated || rows % (2 * 8) == 0);
    }

    /** Whether less than half of its tokens would be left empty, or there is no tile of fewer. */
    boolean suits(int bucket) {
        return tokens == WARPGROUP_TOKENS || tokens < 2 * bucket;
    }

    int threads() {
        if (tokens == WARPGROUP_TOKENS) {
            return WARPGROUP + 32;
        }
        return tokens * rows > MANY_SUMS || most > 2 ? 3 * WARPGROUP : 2 * WARPGROUP + 32;
    }

    /** Stages, or a segment's sums that take their place; and two barriers a stage. */
    int sharedBytes() {
        int stride = rows % 16 == 0 ? rows + 8 : rows;
        int sums = cluster > 1 ? tokens * stride * Float.BYTES : 0;
        return Math.max(stages * stageBytes(tokens), sums) + stages * 2 * Long.BYTES;
    }

    /** Bytes that a CTA takes of its rows, and of so many tokens, for every 64 of k. */
    int stageBytes(int liveTokens) {
        return (liveTokens + rows) * LINE;
    }

    /** Bytes of scratch for the sums that wait in memory. */
    long partials(int multiprocessors) {
        return most == 1 ? 0 : (long) multiprocessors * resident * tokens * rows * Float.BYTES;
    }

    /** Tiles of a product. */
    int tiles(int bucket, int weightRows) {
        return (bucket + tokens - 1) / tokens * ((weightRows + rows - 1) / rows);
    }

    /** CTAs that have a segment each, or as many as the GPU holds, which walk through the tiles. */
    KernelLaunch launch(String type, int bucket, int weightRows, int multiprocessors) {
        return launch("gemm_" + type, bucket, weightRows, multiprocessors, sharedBytes());
    }

    /** The same of the head that draws. */
    KernelLaunch launchHead(String type, int bucket, int weightRows, int multiprocessors) {
        return launch("head_" + type, bucket, weightRows, multiprocessors, headSharedBytes());
    }

    /** Shared memory where a head draws: its product's, and logits. */
    int headSharedBytes() {
        int multiplying = tokens == WARPGROUP_TOKENS ? WARPGROUP : 2 * WARPGROUP;
        return sharedBytes() + multiplying / 2 * DRAWN * Float.BYTES;
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
