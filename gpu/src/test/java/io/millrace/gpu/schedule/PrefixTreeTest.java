package io.millrace.gpu.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefixTreeTest {

    @Test
    void findsABlockOnlyUnderAllTheTokensThatLeadToIt() {
        PrefixTree tree = new PrefixTree(new BlockManager(17, 2));
        int first = tree.insert(PrefixTree.ROOT, tokens(1, 2), tree.allocate());
        int second = tree.insert(first, tokens(3, 4), tree.allocate());
        assertThat(tree.take(PrefixTree.ROOT, tokens(1, 2))).isEqualTo(first);
        assertThat(tree.take(first, tokens(3, 4))).isEqualTo(second);
        assertThat(tree.take(PrefixTree.ROOT, tokens(3, 4))).isEqualTo(PrefixTree.ROOT);
        assertThat(tree.take(second, tokens(3, 4))).isEqualTo(PrefixTree.ROOT);
        assertThat(tree.take(PrefixTree.ROOT, tokens(2, 1))).isEqualTo(PrefixTree.ROOT);
        assertThat(tree.take(first, tokens(3, 5))).isEqualTo(PrefixTree.ROOT);
    }

    @Test
    void tellsTokensApartThatShareABucket() {
        int size = 97;
        PrefixTree tree = new PrefixTree(new BlockManager(size + 1, 1));
        int[] blocks = new int[size];
        for (int i = 0; i < size; i++) {
            blocks[i] = tree.insert(PrefixTree.ROOT, tokens(i * 0x10001), tree.allocate());
        }
        for (int i = 0; i < size; i++) {
            assertThat(tree.take(PrefixTree.ROOT, tokens(i * 0x10001))).isEqualTo(blocks[i]);
        }
    }

    @Test
    void theSecondToComputeABlockGetsTheFirstOnes() {
        BlockManager blocks = new BlockManager(17, 2);
        PrefixTree tree = new PrefixTree(blocks);
        int first = tree.insert(PrefixTree.ROOT, tokens(1, 2), tree.allocate());
        int own = tree.allocate();
        assertThat(tree.insert(PrefixTree.ROOT, tokens(1, 2), own)).isEqualTo(first);
        tree.release(own);
        assertThat(blocks.usedBlocks()).isEqualTo(1);
        assertThat(tree.nodes()).isEqualTo(1);
        assertThat(blocks.references(first)).isEqualTo(3);
    }

    @Test
    void evictsTheLeastRecentlyUsedAndLeavesBeforeTheirParents() {
        PrefixTree tree = new PrefixTree(new BlockManager(4, 1));
        int a = tree.insert(PrefixTree.ROOT, tokens(1), tree.allocate());
        int b = tree.insert(a, tokens(2), tree.allocate());
        int c = tree.insert(PrefixTree.ROOT, tokens(3), tree.allocate());
        tree.release(b);
        tree.release(a);
        tree.release(c);
        assertThat(tree.take(PrefixTree.ROOT, tokens(1))).isEqualTo(a);
        tree.release(a);
        // Now a was used last, c before it, b the longest ago.
        assertThat(tree.allocate()).isEqualTo(b);
        assertThat(tree.allocate()).isEqualTo(c);
        assertThat(tree.allocate()).isEqualTo(a);
        assertThat(tree.nodes()).isZero();
        assertThatThrownBy(tree::allocate).hasMessageContaining("No KV block is free");
    }

    @Test
    void neverEvictsWhatIsHeld() {
        PrefixTree tree = new PrefixTree(new BlockManager(3, 1));
        int a = tree.insert(PrefixTree.ROOT, tokens(1), tree.allocate());
        int b = tree.insert(a, tokens(2), tree.allocate());
        tree.release(b);
        assertThat(tree.available()).isEqualTo(1);
        assertThat(tree.allocate()).isEqualTo(b);
        assertThatThrownBy(tree::allocate).hasMessageContaining("No KV block is free");
        assertThat(tree.take(PrefixTree.ROOT, tokens(1))).isEqualTo(a);
    }

    @Test
    void clearFreesAllThatNobodyHolds() {
        BlockManager blocks = new BlockManager(17, 1);
        PrefixTree tree = new PrefixTree(blocks);
        int kept = tree.insert(PrefixTree.ROOT, tokens(1), tree.allocate());
        int leaf = tree.insert(kept, tokens(2), tree.allocate());
        tree.release(leaf);
        tree.clear();
        assertThat(blocks.usedBlocks()).isEqualTo(1);
        tree.release(kept);
        tree.clear();
        assertThat(blocks.usedBlocks()).isZero();
        tree.checkIntegrity(tree.newReferenceCounts());
    }

    @Test
    void checkIntegrityFindsAReferenceThatIsNotCounted() {
        PrefixTree tree = new PrefixTree(new BlockManager(17, 1));
        int block = tree.insert(PrefixTree.ROOT, tokens(1), tree.allocate());
        assertThatThrownBy(() -> tree.checkIntegrity(tree.newReferenceCounts()))
                .hasMessage("KV block " + block + " is idle and in use at once, or neither.");
        int[] held = tree.newReferenceCounts();
        held[block] = 2;
        assertThatThrownBy(() -> tree.checkIntegrity(held))
                .hasMessage("KV block " + block + " counts 2 references and has 3.");
    }

    @Test
    void behavesLikeAMapFromTokensToBlocksUnderRandomOperations() {
        for (int blocks : new int[] {2, 17, 54, 97}) {
            for (int blockSize : new int[] {1, 3}) {
                new Model(blocks, blockSize, 31L * blocks + blockSize).run(3_000);
            }
        }
    }

    private static int[] tokens(int... tokens) {
        return tokens;
    }

    /** The same by plain means: a map from all tokens that lead to a block to that block. */
    private static final class Model {
        final BlockManager blocks;
        final PrefixTree tree;
        final int blockSize;
        final Random random;
        final Map<List<Integer>, Integer> known = new HashMap<>();
        final Map<List<Integer>, Integer> letGoAt = new HashMap<>();
        final List<Holder> holders = new ArrayList<>();
        int clock;

        /** Who holds the blocks of a path, and perhaps one more that is not computed yet. */
        private static final class Holder {
            final List<Integer> tokens = new ArrayList<>();
            final List<Integer> path = new ArrayList<>();
            int unfinished;
        }

        Model(int blocks, int blockSize, long seed) {
            this.blocks = new BlockManager(blocks, blockSize);
            this.blockSize = blockSize;
            tree = new PrefixTree(this.blocks);
            random = new Random(seed);
        }

        void run(int operations) {
            for (int i = 0; i < operations; i++) {
                int roll = random.nextInt(10);
                if (holders.isEmpty() || roll == 0) {
                    holders.add(new Holder());
                } else if (roll == 1) {
                    release(holders.remove(random.nextInt(holders.size())));
                } else if (roll < 6) {
                    take(holders.get(random.nextInt(holders.size())));
                } else {
                    compute(holders.get(random.nextInt(holders.size())));
                }
                check();
            }
            while (!holders.isEmpty()) {
                release(holders.remove(0));
            }
            assertThat(tree.blocksInUse()).isZero();
            assertThat(blocks.usedBlocks()).isEqualTo(known.size());
            tree.clear();
            assertThat(blocks.usedBlocks()).isZero();
            assertThat(tree.nodes()).isZero();
        }

        void take(Holder holder) {
            if (holder.unfinished != 0) {
                return;
            }
            int[] next = randomBlock();
            Integer expected = known.get(longer(holder, next));
            int found = tree.take(last(holder), next);
            assertThat(found).isEqualTo(expected == null ? PrefixTree.ROOT : expected);
            if (expected != null) {
                goOn(holder, next, found);
            }
        }

        void compute(Holder holder) {
            if (holder.unfinished == 0) {
                boolean full = blocks.freeBlocks() == 0;
                List<Integer> victim = full ? leastRecentlyUsedLeaf() : null;
                assertThat(tree.available())
                        .isEqualTo(blocks.freeBlocks() + (int) unheld().count());
                if (full && victim == null) {
                    assertThatThrownBy(tree::allocate).hasMessageContaining("No KV block is free");
                    return;
                }
                holder.unfinished = tree.allocate();
                if (full) {
                    assertThat(holder.unfinished).isEqualTo(known.remove(victim));
                }
                return;
            }
            int[] next = randomBlock();
            Integer twin = known.putIfAbsent(longer(holder, next), holder.unfinished);
            int block = tree.insert(last(holder), next, holder.unfinished);
            assertThat(block).isEqualTo(twin == null ? holder.unfinished : twin);
            if (twin != null) {
                tree.release(holder.unfinished);
            }
            holder.unfinished = 0;
            goOn(holder, next, block);
        }

        void release(Holder holder) {
            if (holder.unfinished != 0) {
                tree.release(holder.unfinished);
            }
            for (int i = holder.path.size(); i > 0; i--) {
                tree.release(holder.path.get(i - 1));
                letGoAt.put(List.copyOf(holder.tokens.subList(0, i * blockSize)), clock++);
            }
        }

        void check() {
            int[] held = tree.newReferenceCounts();
            for (Holder holder : holders) {
                holder.path.forEach(block -> held[block]++);
                held[holder.unfinished] += holder.unfinished == 0 ? 0 : 1;
            }
            tree.checkIntegrity(held);
            assertThat(tree.nodes()).isEqualTo(known.size());
            known.forEach(
                    (tokens, block) -> {
                        int above = tokens.size() - blockSize;
                        Integer parent = known.getOrDefault(tokens.subList(0, above), 0);
                        int[] own = tokens.stream().skip(above).mapToInt(t -> t).toArray();
                        assertThat(tree.isNode(block, parent, own)).isTrue();
                    });
        }

        java.util.stream.Stream<List<Integer>> unheld() {
            return known.keySet().stream()
                    .filter(
                            tokens ->
                                    holders.stream()
                                            .noneMatch(
                                                    h ->
                                                            h.path.size() * blockSize
                                                                            >= tokens.size()
                                                                    && h.tokens
                                                                            .subList(
                                                                                    0,
                                                                                    tokens.size())
                                                                            .equals(tokens)));
        }

        List<Integer> leastRecentlyUsedLeaf() {
            return unheld().filter(
                            tokens ->
                                    known.keySet().stream()
                                            .noneMatch(
                                                    t ->
                                                            t.size() > tokens.size()
                                                                    && t.subList(0, tokens.size())
                                                                            .equals(tokens)))
                    .min(Comparator.comparing(letGoAt::get))
                    .orElse(null);
        }

        int[] randomBlock() {
            return random.ints(blockSize, 0, 2).toArray();
        }

        List<Integer> longer(Holder holder, int[] next) {
            List<Integer> tokens = new ArrayList<>(holder.tokens);
            for (int token : next) {
                tokens.add(token);
            }
            return tokens;
        }

        void goOn(Holder holder, int[] next, int block) {
            for (int token : next) {
                holder.tokens.add(token);
            }
            holder.path.add(block);
        }

        static int last(Holder holder) {
            return holder.path.isEmpty()
                    ? PrefixTree.ROOT
                    : holder.path.get(holder.path.size() - 1);
        }
    }
}
