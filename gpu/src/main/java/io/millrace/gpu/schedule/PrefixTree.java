package io.millrace.gpu.schedule;

import java.util.Arrays;

/**
 * Remembers the K/V of full blocks by the tokens that lead to them, as long as nobody needs the
 * room. Engine thread only.
 *
 * <p>A node is a block: it is named by its id, and block 0, which is never handed out, is the root.
 * Its K/V depend on its tokens and on all before them, which are its ancestors' tokens; both are
 * compared one by one when a block is looked up, a hash only says where to look.
 *
 * <pre>
 *         0                     the root
 *        / \
 *   [a b c d]  [a b x y]        block 7, block 2; block size 4
 *    /     \
 * [e f g h] [e f q r]           block 3, held by a sequence, so 7 is too; block 9
 *
 * let go, oldest first: 2, 9
 * </pre>
 *
 * Whoever holds a node holds its ancestors, and lets go of it before them. So among the nodes that
 * nobody holds, kept in the order in which they were let go, descendants come before ancestors: the
 * first is always a leaf, the least recently used, and all of them can be had.
 */
public final class PrefixTree {
    /** Block 0: the root, and "none". */
    static final int ROOT = 0;

    private static final int NO_NODE = -1;

    private final BlockManager blocks;
    private final int blockSize;

    /** Token ids of each node. (blocks, block size) */
    private final int[] tokens;

    /** Each node's parent; {@link #NO_NODE} for a block that is none. (blocks) */
    private final int[] parent;

    /** How many children each node has. (blocks) */
    private final int[] children;

    /** First node of each hash bucket, or 0. (a power of two) */
    private final int[] buckets;

    /** Next node of the same bucket, or 0. (blocks) */
    private final int[] nextInBucket;

    /** The nodes that nobody holds, a ring through block 0: 0, oldest, ..., newest, 0. (blocks) */
    private final int[] newer;

    private final int[] older;

    private int nodes;
    private int idle;

    /** Hands out and takes back all of {@code blocks} from here on. */
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

    /** Blocks remembered, held by a sequence or not. */
    int nodes() {
        return nodes;
    }

    /** Blocks that sequences hold. */
    public int heldBlocks() {
        return blocks.usedBlocks() - idle;
    }

    /** Blocks that can be allocated: those free, and those that only the tree holds. */
    int available() {
        return blocks.freeBlocks() + idle;
    }

    /**
     * Takes a block for one holder, at the cost of the least recently used leaf if none is free.
     */
    int allocate() {
        if (blocks.freeBlocks() == 0 && idle > 0) {
            evict(newer[ROOT]);
        }
        return blocks.allocate();
    }

    /** Takes a holder away from a block, be it a node or not; descendants before ancestors. */
    void release(int block) {
        blocks.release(block);
        if (parent[block] != NO_NODE && blocks.holders(block) == 1) {
            appendIdle(block);
        }
    }

    /**
     * Looks for the node below {@code above} with just these tokens, and holds it.
     *
     * @param above a node that the caller holds, or {@link #ROOT}
     * @param blockTokens token ids. (block size)
     * @return its block, or {@link #ROOT} for none
     */
    int take(int above, int[] blockTokens) {
        int node = find(above, blockTokens);
        if (node != ROOT) {
            if (blocks.holders(node) == 1) {
                removeIdle(node);
            }
            blocks.share(node);
        }
        return node;
    }

    /**
     * Remembers a computed block that the caller holds. If the same tokens are there already, the
     * caller gets that block, and has to let go of its own: their K/V are equal to the bit.
     *
     * @param above a node that the caller holds, or {@link #ROOT}
     * @param blockTokens token ids. (block size)
     * @return the node, which the caller holds
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

    /** Forgets all that no sequence holds. */
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
     * The node below {@code above} with just these tokens, or {@link #ROOT} for none. Nobody holds
     * it for that.
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

    /** Whether a block is the node below {@code above} with just these tokens. */
    boolean isNode(int block, int above, int[] blockTokens) {
        return parent[block] == above && hasTokens(block, blockTokens);
    }

    /** Whether a block is none of the nodes. */
    boolean isNone(int block) {
        return parent[block] == NO_NODE;
    }

    /** A zero for each block, to count its holders in for {@link #checkIntegrity}. */
    int[] newHolderCounts() {
        return new int[parent.length];
    }

    /**
     * Throws {@link IllegalStateException} if an invariant of tree or blocks is broken.
     *
     * @param held how many sequences hold each block; the tree's own hold is added to it
     */
    void checkIntegrity(int[] held) {
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
                    (held[node] == 0) == (position[node] > 0),
                    node,
                    "is let go of and held at once, or neither");
            require(
                    above == ROOT || held[node] == 0 || held[above] > 0,
                    node,
                    "is held and its parent is not");
            require(
                    above == ROOT || held[above] > 0 || position[node] < position[above],
                    node,
                    "would outlive its parent");
            requireGround(node, grounded);
        }
        for (int node = 0; node < parent.length; node++) {
            require(children[node] == childrenSeen[node], node, "miscounts its children");
            held[node] += node == ROOT || isNone(node) ? 0 : 1;
        }
        require(seen == nodes, ROOT, "miscounts the nodes");
        blocks.checkIntegrity(held);
    }

    /** By node: 1 for the one let go longest ago, 2 for the next; 0 for a node that is held. */
    private int[] idlePositions() {
        int[] position = new int[parent.length];
        int count = 0;
        for (int node = newer[ROOT]; node != ROOT; node = newer[node]) {
            require(position[node] == 0, node, "was let go of twice");
            require(newer[older[node]] == node, node, "is not where its neighbours say");
            position[node] = ++count;
        }
        require(count == idle, ROOT, "miscounts what was let go of");
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
     * @param grounded nodes known to be below the root; those on the way are added
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
