package io.millrace.gpu.schedule;

import java.util.Arrays;
import java.util.Comparator;

/**
 * One completion being generated: how many tokens it has, for how many of them K/V is computed, and
 * the blocks that hold these.
 *
 * <pre>
 * tokens   p p p p p p p p p g g g         9 of the prompt, 3 generated
 *          0       4       8     | total = 12
 * K/V      x x x x x x x x x x x |         computed = 11: one token to go before the next is drawn
 * blocks  [   7   |   3   |  12   ]        block size 4
 * </pre>
 *
 * Chunks, preemption and shared blocks are nothing but other values of {@link #computed}. The owner
 * of the tokens extends this class.
 */
public class Sequence {
    /** Whom to serve first: priority, then arrival, then index within the group. */
    static final Comparator<Sequence> RANK =
            Comparator.comparingInt((Sequence s) -> s.group.priority())
                    .thenComparingLong(s -> s.group.arrival())
                    .thenComparingInt(s -> s.index);

    private static final int[] NO_BLOCKS = {};

    private final SequenceGroup group;
    private final int index;
    private int total;
    private int computed;
    private int[] blocks = NO_BLOCKS;
    private int blockCount;

    /**
     * @param index within the group
     * @param total tokens known from the start: the prompt, and what was generated before
     */
    public Sequence(SequenceGroup group, int index, int total) {
        if (group.promptLength() < 1 || total < group.promptLength()) {
            throw new IllegalArgumentException(
                    "A sequence of %d tokens cannot have a prompt of %d."
                            .formatted(total, group.promptLength()));
        }
        this.group = group;
        this.index = index;
        this.total = total;
        group.join(this);
    }

    public final SequenceGroup group() {
        return group;
    }

    public final int index() {
        return index;
    }

    /** Tokens known: those of the prompt and those generated. */
    public final int total() {
        return total;
    }

    /** Tokens whose K/V is in the cache. */
    public final int computed() {
        return computed;
    }

    /** KV block ids in order of position; may be longer than what it holds. */
    public final int[] blocks() {
        return blocks;
    }

    final int blockCount() {
        return blockCount;
    }

    /** A step computed the K/V of the next {@code tokens} tokens. */
    public final void advance(int tokens) {
        computed += tokens;
        if (computed > total) {
            throw new IllegalStateException(
                    "K/V of %d tokens of %d is computed.".formatted(computed, total));
        }
    }

    /** A token was generated. */
    public final void grow() {
        total++;
    }

    /**
     * Full blocks of the prompt that leave at least one token to compute, so that there are logits.
     */
    final int shareableBlocks(int blockSize) {
        return Math.min(group.promptLength(), total - 1) / blockSize;
    }

    /** Starts from {@code count} blocks of a sibling. */
    final void shareFrom(Sequence sibling, int count, BlockManager manager) {
        for (int i = 0; i < count; i++) {
            manager.share(sibling.blocks[i]);
            append(sibling.blocks[i]);
        }
        computed = count * manager.blockSize();
    }

    /** Takes blocks until they hold {@code positions} positions. */
    final void reserve(int positions, BlockManager manager) {
        for (int missing = manager.blocksFor(positions) - blockCount; missing > 0; missing--) {
            append(manager.allocate());
        }
    }

    /** Gives all blocks back, the last first, and with them all K/V. */
    final void release(BlockManager manager) {
        while (blockCount > 0) {
            manager.release(blocks[--blockCount]);
        }
        computed = 0;
    }

    private void append(int block) {
        if (blockCount == blocks.length) {
            blocks = Arrays.copyOf(blocks, Math.max(8, 2 * blockCount));
        }
        blocks[blockCount++] = block;
    }

    @Override
    public final String toString() {
        return "sequence %d.%d (%d of %d tokens computed, %d blocks)"
                .formatted(group.arrival(), index, computed, total, blockCount);
    }
}
