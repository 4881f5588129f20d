package io.millrace.gpu.schedule;

import java.util.Arrays;

/**
 * Delays the release of blocks until the last step in flight that can touch them is completed.
 * Steps are launched and completed in the same order.
 *
 * <pre>
 * completed      in flight
 * ... 5 6   |    7 8 9               launched = 9, completed = 6
 *                ^     ^
 *                |     block 3, added now: waits for 9
 *                block 12, added when 7 was the last
 * </pre>
 */
final class BlockFence {
    private final PrefixTree tree;
    private long launched;
    private long completed;

    /** The delayed blocks, oldest first: entries {@code first} to {@code end}. */
    private int[] blocks = new int[64];

    /** The step that must be completed before the release. (entries) */
    private long[] steps = new long[64];

    private int first;
    private int end;

    BlockFence(PrefixTree tree) {
        this.tree = tree;
    }

    /** Steps launched and not completed. */
    int inFlight() {
        return (int) (launched - completed);
    }

    /** Steps launched since the start. */
    long launched() {
        return launched;
    }

    /** Steps completed since the start. */
    long completed() {
        return completed;
    }

    void launch() {
        launched++;
    }

    /**
     * Notes that the oldest step in flight is completed, and releases the blocks that waited for
     * it.
     */
    void complete() {
        if (inFlight() == 0) {
            throw new IllegalStateException("No step is in flight.");
        }
        completed++;
        while (first < end && steps[first] <= completed) {
            tree.release(blocks[first++]);
        }
        if (first == end) {
            first = 0;
            end = 0;
        }
    }

    /**
     * Takes over a reference to a block. It is released after all steps now in flight, or at once
     * if there is none. Descendants come before ancestors.
     */
    void add(int block) {
        if (inFlight() == 0) {
            tree.release(block);
            return;
        }
        if (end == blocks.length) {
            makeRoom();
        }
        blocks[end] = block;
        steps[end++] = launched;
    }

    private void makeRoom() {
        int size = end - first;
        if (2 * size > blocks.length) {
            blocks = Arrays.copyOf(blocks, 2 * blocks.length);
            steps = Arrays.copyOf(steps, 2 * steps.length);
        }
        System.arraycopy(blocks, first, blocks, 0, size);
        System.arraycopy(steps, first, steps, 0, size);
        first = 0;
        end = size;
    }

    /**
     * Throws {@link IllegalStateException} if a block waits for no step in flight.
     *
     * @param references by block; those of delayed blocks are added
     */
    void checkIntegrity(int[] references) {
        for (int i = first; i < end; i++) {
            if (steps[i] <= completed || steps[i] > launched) {
                throw new IllegalStateException(
                        "KV block %d waits for step %d of %d to %d."
                                .formatted(blocks[i], steps[i], completed + 1, launched));
            }
            references[blocks[i]]++;
        }
    }
}
