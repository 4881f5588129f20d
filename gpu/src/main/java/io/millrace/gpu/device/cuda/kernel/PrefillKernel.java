package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;

/**
 * The kernel for attention of rows of several tokens, chosen once for an engine; {@code
 * attention_plan} makes items of the kernel's size. The choice changes no bit: docs/numerics.md.
 *
 * @param name name of the kernel
 * @param itemPairs (token, query head) pairs per item of the plan
 * @param pairs pairs that a CTA computes at once: an item, or one of its equal parts
 * @param threads threads of a CTA
 * @param sharedBytes dynamic shared memory of a CTA
 * @param oneEach whether each multiprocessor has one CTA, which takes the next item when it is free
 */
public record PrefillKernel(
        String name, int itemPairs, int pairs, int threads, int sharedBytes, boolean oneEach) {
    private static final int ITEM_PAIRS = 64;

    /** Pairs of the kernel that takes an item in two halves, for heads of 128. */
    private static final int FEW_PAIRS = 32;

    /** Static shared memory of the kernels on mma.sync. */
    private static final int STATIC_BYTES = 1024;

    private static final int MOST_HEAD = 128;
    private static final int ELEMENT = 2;

    /** Pairs of each of the consumers of the kernel on wgmma. */
    private static final int HOPPER_PAIRS = 128;

    private static final int HOPPER_THREADS = 3 * 128;

    /** Bytes of the kernel on wgmma for its ring of tiles of K and V. */
    private static final int HOPPER_RING = 128 << 10;

    /** Bytes of two items, and of barriers. */
    private static final int HOPPER_UNITS = 2 * (32 + 8 * HOPPER_PAIRS) + 256;

    /** The fastest kernel that a GPU of these limits can run for weights of a type. */
    public static PrefillKernel on(String type, AttentionShape shape, DeviceLimits limits) {
        int head = TileLayout.paddedHead(shape.headSize());
        String suffix = "_" + type + "_" + head;
        int hopper = hopperBytes(head);
        if (type.equals("bf16")
                && limits.capability() == GemmTiles.HOPPER
                && hopper <= limits.sharedBytes()
                && HOPPER_THREADS <= limits.threads()) {
            return new PrefillKernel(
                    "attention_prefill_sm90" + suffix,
                    HOPPER_PAIRS,
                    HOPPER_PAIRS,
                    HOPPER_THREADS,
                    hopper,
                    true);
        }
        boolean whole =
                head < MOST_HEAD || bytes(head, ITEM_PAIRS) + STATIC_BYTES <= limits.sharedBytes();
        int pairs = whole ? ITEM_PAIRS : FEW_PAIRS;
        return new PrefillKernel(
                "attention_prefill" + suffix + (whole ? "" : "_" + pairs),
                ITEM_PAIRS,
                pairs,
                2 * pairs,
                bytes(head, pairs),
                false);
    }

    /** Shared memory: K and V of a tile; queries, and the fold of their sums. */
    private static int bytes(int head, int pairs) {
        return 2 * Numerics.ATTENTION_TILE * head * ELEMENT
                + pairs * head * (Float.BYTES + ELEMENT);
    }

    /** As {@link #bytes}, except that heads of 64 are folded in registers. */
    private static int hopperBytes(int head) {
        int folded = head < MOST_HEAD ? 0 : HOPPER_PAIRS * head * Float.BYTES;
        return HOPPER_RING + HOPPER_PAIRS * head * ELEMENT + folded + HOPPER_UNITS;
    }

    /** Most items of a step, for one kv head. */
    public int items(AttentionShape shape, int tokens, int rows) {
        return ceil(tokens * shape.group(), itemPairs) + rows;
    }

    /**
     * The launch: CTAs loop over the items of the plan, or over their parts.
     *
     * @param tokens most tokens of a step
     * @param rows most rows of a step
     * @param multiprocessors multiprocessors of the GPU
     */
    public KernelLaunch launch(AttentionShape shape, int tokens, int rows, int multiprocessors) {
        int items = items(shape, tokens, rows) * (itemPairs / pairs);
        return oneEach
                ? new KernelLaunch(
                        name,
                        Math.min(items * shape.kvHeads(), multiprocessors),
                        1,
                        1,
                        threads,
                        sharedBytes)
                : new KernelLaunch(
                        name,
                        Math.min(items, 16 * multiprocessors),
                        shape.kvHeads(),
                        1,
                        threads,
                        sharedBytes);
    }

    private static int ceil(int n, int by) {
        return (n + by - 1) / by;
    }
}
