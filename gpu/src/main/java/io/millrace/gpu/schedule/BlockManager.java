package io.millrace.gpu.schedule;

/**
 * Hands out KV blocks and counts who holds them. Block 0 is never handed out: padding writes there.
 */
public final class BlockManager {
    private final int blockSize;

    /** How many hold each block; 0 for a free one. */
    private final int[] holders;

    /** Free blocks, a stack: what was used last is likeliest to be in a cache. */
    private final int[] free;

    private int freeCount;

    /**
     * @param blocks blocks there are, block 0 included
     * @param blockSize KV positions per block
     */
    public BlockManager(int blocks, int blockSize) {
        if (blocks < 2 || blockSize < 1) {
            throw new IllegalArgumentException(
                    "A KV cache of " + blocks + " blocks of " + blockSize + " positions is empty.");
        }
        this.blockSize = blockSize;
        holders = new int[blocks];
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

    /** Takes a free block for one holder; the caller has seen that there is one. */
    int allocate() {
        if (freeCount == 0) {
            throw new IllegalStateException("No KV block is free; " + capacity() + " are in use.");
        }
        int block = free[--freeCount];
        holders[block] = 1;
        return block;
    }

    /** Adds a holder to a block in use. */
    void share(int block) {
        requireHeld(block);
        holders[block]++;
    }

    /** Takes a holder away; without any, the block is free. */
    void release(int block) {
        requireHeld(block);
        if (--holders[block] == 0) {
            free[freeCount++] = block;
        }
    }

    /** How many hold a block; 0 for a free one. */
    int holders(int block) {
        return holders[block];
    }

    private void requireHeld(int block) {
        if (block < 1 || block >= holders.length || holders[block] == 0) {
            throw new IllegalStateException("KV block " + block + " is not in use.");
        }
    }

    /**
     * Throws {@link IllegalStateException} unless each block is either free, once, or held by as
     * many as {@code expectedHolders} says.
     *
     * @param expectedHolders by block
     */
    void checkIntegrity(int[] expectedHolders) {
        boolean[] isFree = new boolean[holders.length];
        for (int i = 0; i < freeCount; i++) {
            if (isFree[free[i]]) {
                throw new IllegalStateException("KV block " + free[i] + " is free twice.");
            }
            isFree[free[i]] = true;
        }
        if (isFree[0] || expectedHolders[0] != 0) {
            throw new IllegalStateException("KV block 0 was handed out.");
        }
        for (int block = 1; block < holders.length; block++) {
            if (holders[block] != expectedHolders[block]) {
                throw new IllegalStateException(
                        "KV block %d counts %d holders and has %d."
                                .formatted(block, holders[block], expectedHolders[block]));
            }
            if (isFree[block] != (holders[block] == 0)) {
                throw new IllegalStateException(
                        "KV block %d has %d holders and is %s."
                                .formatted(
                                        block,
                                        holders[block],
                                        isFree[block] ? "free" : "not free"));
            }
        }
    }
}
