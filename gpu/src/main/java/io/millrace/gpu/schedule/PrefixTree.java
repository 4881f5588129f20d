package io.millrace.gpu.schedule;

import java.util.Arrays;

/**
 * The prefix cache: a radix tree of full KV blocks by their tokens. Blocks stay until their memory
 * is needed. Engine thread only.
 *
 * <p>A node is a block: it is named by its id, and block 0, which is never allocated, is the root.
 * Its K/V depend on its tokens and on all before them, which are its ancestors' tokens. A lookup
 * compares both one by one; a hash only finds the candidates.
 *
 * <pre>
 *         0                     the root
 *        / \
 *   [a b c d]  [a b x y]        block 7, block 2; block size 4
 *    /     \
 * [e f g h] [e f q r]           block 3, referenced by a sequence, so 7 is too; block 9
 *
 * idle, oldest first: 2, 9
 * </pre>
 *
 * A sequence that references a node references its ancestors too, and releases the node first. Idle
 * nodes, which no sequence references, are kept in the order of their release, so descendants come
 * before ancestors: the first is always a leaf and the least recently used, and all can be evicted.
 */
public final class PrefixTree {
    /** Block 0: the root, and "none". */
    static final int ROOT = 0;

    private static final int NO_NODE = -1;

    private final BlockManager blocks;
    private final int blockSize;

    /** Token ids of each node. (blocks, block size) */
    private final int[] tokens;

    /** Parent of each node; {@link #NO_NODE} for a block that is no node. (blocks) */
    private final int[] parent;

    /** Number of children of each node. (blocks) */
    private final int[] children;

    /** First node of each hash bucket, or 0. (a power of two) */
    private final int[] buckets;

    /** Next node of the same bucket, or 0. (blocks) */
    private final int[] nextInBucket;

    /** The idle nodes, a ring through block 0: 0, oldest, ..., newest, 0. (blocks) */
    private final int[] newer;

    private final int[] older;

    private int nodes;
    private int idle;

    /** From here on, all of {@code blocks} are allocated and released through the tree. */
    public PrefixTree(BlockManager blocks) {
        this.blocks = blocks;
        blockSize = blocks.blockSize();
        int size = blocks.capacity() + 1;
        tokens = new int[Math.multiplyExact(size, blockSize)];
        parent = new int[size];
        Arrays.fill(parent, NO_NODE);
        children = new int[size];
        buckets = new int[Integer.highestOneBit(size) * 2];
        nextInBucket = new int[size];
        newer = new int[size];
        older = new int[size];
    }

    int blockSize() {
        return blockSize;
    }

    /** Blocks that hold {@code positions} positions. */
    int blocksFor(int positions) {
        return blocks.blocksFor(positions);
    }

    /** Blocks in the tree, referenced by a sequence or idle. */
    int nodes() {
        return nodes;
    }

    /** Blocks that sequences reference. */
    public int blocksInUse() {
        return blocks.usedBlocks() - idle;
    }

    /** Blocks that can be allocated: the free and the idle ones. */
    int available() {
        return blocks.freeBlocks() + idle;
    }

    /**
     * Allocates a block with one reference; evicts the least recently used leaf if none is free.
     */
    int allocate() {
        if (blocks.freeBlocks() == 0 && idle > 0) {
            evict(newer[ROOT]);
        }
        return blocks.allocate();
    }

    /** Removes a reference to a block, a node or not; descendants before ancestors. */
    void release(int block) {
        blocks.release(block);
        if (parent[block] != NO_NODE && blocks.references(block) == 1) {
            appendIdle(block);
        }
    }

    /**
     * Finds the node below {@code above} with exactly these tokens, and adds a reference to it.
     *
     * @param above a node that the caller references, or {@link #ROOT}
     * @param blockTokens token ids. (block size)
     * @return its block, or {@link #ROOT} for none
     */
    int take(int above, int[] blockTokens) {
        int node = find(above, blockTokens);
        if (node != ROOT) {
            if (blocks.references(node) == 1) {
                removeIdle(node);
            }
            blocks.share(node);
        }
        return node;
    }

    /**
     * Adds a computed block that the caller references. If a node with the same tokens exists, the
     * caller gets a reference to it and must release its own block: their K/V are equal to the bit.
     *
     * @param above a node that the caller references, or {@link #ROOT}
     * @param blockTokens token ids. (block size)
     * @return the node, which the caller references
     */
    int insert(int above, int[] blockTokens, int block) {
        int twin = take(above, blockTokens);
        if (twin != ROOT) {
            return twin;
        }
        blocks.share(block);
        System.arraycopy(blockTokens, 0, tokens, block * blockSize, blockSize);
        parent[block] = above;
        children[above]++;
        int bucket = bucket(above, blockTokens, 0);
        nextInBucket[block] = buckets[bucket];
        buckets[bucket] = block;
        nodes++;
        return block;
    }

    /** Removes all idle nodes. */
    void clear() {
        while (idle > 0) {
            evict(newer[ROOT]);
        }
    }

    private void evict(int leaf) {
        if (children[leaf] != 0) {
            throw new IllegalStateException("KV block " + leaf + " has descendants.");
        }
        removeIdle(leaf);
        int bucket = bucketOf(leaf);
        if (buckets[bucket] == leaf) {
            buckets[bucket] = nextInBucket[leaf];
        } else {
            int before = buckets[bucket];
            while (nextInBucket[before] != leaf) {
                before = nextInBucket[before];
            }
            nextInBucket[before] = nextInBucket[leaf];
        }
        children[parent[leaf]]--;
        parent[leaf] = NO_NODE;
        nodes--;
        blocks.release(leaf);
    }

    /**
     * The node below {@code above} with exactly these tokens, or {@link #ROOT} for none. Adds no
     * reference.
     */
    int find(int above, int[] blockTokens) {
        int node = buckets[bucket(above, blockTokens, 0)];
        while (node != ROOT && !(parent[node] == above && hasTokens(node, blockTokens))) {
            node = nextInBucket[node];
        }
        return node;
    }

    private boolean hasTokens(int node, int[] blockTokens) {
        int from = node * blockSize;
        return Arrays.equals(tokens, from, from + blockSize, blockTokens, 0, blockSize);
    }

    private int bucketOf(int node) {
        return bucket(parent[node], tokens, node * blockSize);
    }

    private int bucket(int above, int[] from, int offset) {
        int hash = above;
        for (int i = 0; i < blockSize; i++) {
            hash = (hash ^ from[offset + i]) * 0x9E3779B1;
            hash ^= hash >>> 15;
        }
        return hash & buckets.length - 1;
    }

    private void appendIdle(int node) {
        int newest = older[ROOT];
        newer[newest] = node;
        older[node] = newest;
        newer[node] = ROOT;
        older[ROOT] = node;
        idle++;
    }

    private void removeIdle(int node) {
        newer[older[node]] = newer[node];
        older[newer[node]] = older[node];
        idle--;
    }

    /** Whether a block is the node below {@code above} with exactly these tokens. */
    boolean isNode(int block, int above, int[] blockTokens) {
        return parent[block] == above && hasTokens(block, blockTokens);
    }

    /** Whether a block is no node. */
    boolean isNone(int block) {
        return parent[block] == NO_NODE;
    }

    /** A zero per block, to count its references for {@link #checkIntegrity}. */
    int[] newReferenceCounts() {
        return new int[parent.length];
    }

    /**
     * Throws {@link IllegalStateException} if an invariant of tree or blocks is broken.
     *
     * @param references references of sequences to each block; those of the tree are added
     */
    void checkIntegrity(int[] references) {
        int[] position = idlePositions();
        int[] childrenSeen = new int[parent.length];
        boolean[] grounded = new boolean[parent.length];
        int seen = 0;
        for (int node = 1; node < parent.length; node++) {
            if (isNone(node)) {
                require(position[node] == 0 && children[node] == 0, node, "is a node and is not");
                continue;
            }
            seen++;
            int above = parent[node];
            childrenSeen[above]++;
            require(above == ROOT || !isNone(above), node, "has a parent that is no node");
            require(isInItsBucket(node), node, "cannot be found");
            require(
                    (references[node] == 0) == (position[node] > 0),
                    node,
                    "is idle and in use at once, or neither");
            require(
                    above == ROOT || references[node] == 0 || references[above] > 0,
                    node,
                    "is in use and its parent is not");
            require(
                    above == ROOT || references[above] > 0 || position[node] < position[above],
                    node,
                    "would outlive its parent");
            requireGround(node, grounded);
        }
        for (int node = 0; node < parent.length; node++) {
            require(children[node] == childrenSeen[node], node, "miscounts its children");
            references[node] += node == ROOT || isNone(node) ? 0 : 1;
        }
        require(seen == nodes, ROOT, "miscounts the nodes");
        blocks.checkIntegrity(references);
    }

    /** Position in the order of idle nodes, from 1 for the oldest; 0 for a node in use. (blocks) */
    private int[] idlePositions() {
        int[] position = new int[parent.length];
        int count = 0;
        for (int node = newer[ROOT]; node != ROOT; node = newer[node]) {
            require(position[node] == 0, node, "is idle twice");
            require(newer[older[node]] == node, node, "is not where its neighbours say");
            position[node] = ++count;
        }
        require(count == idle, ROOT, "miscounts idle nodes");
        return position;
    }

    private boolean isInItsBucket(int node) {
        int at = buckets[bucketOf(node)];
        for (int i = 0; at != ROOT && at != node && i < nodes; i++) {
            at = nextInBucket[at];
        }
        return at == node;
    }

    /**
     * @param grounded nodes known to be below the root; those on the path are added
     */
    private void requireGround(int node, boolean[] grounded) {
        int steps = 0;
        for (int at = node; at != ROOT && !grounded[at]; at = parent[at]) {
            require(++steps <= nodes, node, "is below itself");
        }
        for (int at = node; at != ROOT && !grounded[at]; at = parent[at]) {
            grounded[at] = true;
        }
    }

    private static void require(boolean condition, int node, String message) {
        if (!condition) {
            throw new IllegalStateException("KV block " + node + " " + message + ".");
        }
    }
}
