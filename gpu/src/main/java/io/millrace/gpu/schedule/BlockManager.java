package io.millrace.gpu.schedule;

/**
 * Allocates KV blocks and counts the references to each. Block 0 is never allocated: padding writes
 * there.
 */
public final class BlockManager {
    private final int blockSize;

    /** Number of references to each block; 0 for a free one. */
    private final int[] references;

    /** Free blocks, a stack: the block used last is the most likely to be in a cache. */
    private final int[] free;

    private int freeCount;

    /**
     * @param blocks number of blocks, block 0 included
     * @param blockSize KV positions per block
     */
    public BlockManager(int blocks, int blockSize) {
        if (blocks < 2 || blockSize < 1) {
            throw new IllegalArgumentException(
                    "A KV cache of " + blocks + " blocks of " + blockSize + " positions is empty.");
        }
        this.blockSize = blockSize;
        references = new int[blocks];
        free = new int[blocks - 1];
        for (int block = blocks - 1; block > 0; block--) {
            free[freeCount++] = block;
        }
    }

    public int blockSize() {
        return blockSize;
    }

    /** Blocks that can be in use at once. */
    public int capacity() {
        return free.length;
    }

    public int freeBlocks() {
        return freeCount;
    }

    public int usedBlocks() {
        return free.length - freeCount;
    }

    /** Blocks that hold {@code positions} positions. */
    public int blocksFor(int positions) {
        return (positions + blockSize - 1) / blockSize;
    }

    /** Allocates a block with one reference; the caller has checked that one is free. */
    int allocate() {
        if (freeCount == 0) {
            throw new IllegalStateException("No KV block is free; " + capacity() + " are in use.");
        }
        int block = free[--freeCount];
        references[block] = 1;
        return block;
    }

    /** Adds a reference to a block in use. */
    void share(int block) {
        requireHeld(block);
        references[block]++;
    }

    /** Removes a reference; without any, the block is free. */
    void release(int block) {
        requireHeld(block);
        if (--references[block] == 0) {
            free[freeCount++] = block;
        }
    }

    /** Number of references to a block; 0 for a free one. */
    int references(int block) {
        return references[block];
    }

    private void requireHeld(int block) {
        if (block < 1 || block >= references.length || references[block] == 0) {
            throw new IllegalStateException("KV block " + block + " is not in use.");
        }
    }

    /**
     * Throws {@link IllegalStateException} unless each block is either free, once, or has the
     * expected number of references.
     *
     * @param expectedReferences by block
     */
    void checkIntegrity(int[] expectedReferences) {
        boolean[] isFree = new boolean[references.length];
        for (int i = 0; i < freeCount; i++) {
            if (isFree[free[i]]) {
                throw new IllegalStateException("KV block " + free[i] + " is free twice.");
            }
            isFree[free[i]] = true;
        }
        if (isFree[0] || expectedReferences[0] != 0) {
            throw new IllegalStateException("KV block 0 was handed out.");
        }
        for (int block = 1; block < references.length; block++) {
            if (references[block] != expectedReferences[block]) {
                throw new IllegalStateException(
                        "KV block %d counts %d references and has %d."
                                .formatted(block, references[block], expectedReferences[block]));
            }
            if (isFree[block] != (references[block] == 0)) {
                throw new IllegalStateException(
                        "KV block %d has %d references and is %s."
                                .formatted(
                                        block,
                                        references[block],
                                        isFree[block] ? "free" : "not free"));
            }
        }
    }
}
