package io.millrace.gpu.schedule;

import java.util.Arrays;
import java.util.Comparator;

/**
 * One completion being generated: its number of tokens, the number of those with computed K/V, and
 * their blocks.
 *
 * <pre>
 * tokens   p p p p p p p p p g g g         9 of the prompt, 3 generated
 *          0       4       8     | total = 12
 * K/V      x x x x x x x x x x x |         computed = 11: one token to compute before the next is sampled
 * blocks  [   7   |   3   |  12   ]        block size 4; 7 and 3 are full, so they are in the tree
 * </pre>
 *
 * Chunks, preemption and prefix-cache hits differ only in the value of {@link #computed}. Tokens
 * that steps in flight will add are counted apart until these are completed:
 *
 * <pre>
 * tokens   p p p p p p p p p g g g ? ?     ? = being sampled
 *                                |   | total + pending = 14
 * K/V      x x x x x x x x x x x + + |     computed + launched = 13: a third step can follow
 * blocks  [   7   |   3   |  12   |   9   ]
 * </pre>
 *
 * Where a step verifies drafts, guesses of the next tokens, K/V of these is computed as well, and
 * counts as far as the guesses are right:
 *
 * <pre>
 * tokens   p p p p p p p p p g g g d d     two drafts; three tokens are sampled, those after g, d and d
 * K/V      x x x x x x x x x x x + + +     the first draft is right, the second is not:
 * tokens   p p p p p p p p p g g g g g     two more tokens
 * K/V      x x x x x x x x x x x x x .     the second draft's is written over
 * </pre>
 *
 * The owner of the tokens extends this class.
 */
public abstract class Sequence {
    /** The order of scheduling: priority, then arrival, then index within the group. */
    static final Comparator<Sequence> RANK =
            Comparator.comparingInt((Sequence s) -> s.group.priority())
                    .thenComparingLong(s -> s.group.arrival())
                    .thenComparingInt(s -> s.index);

    private static final int[] NO_BLOCKS = {};

    private final SequenceGroup group;
    private final int index;

    /** Maximum tokens, prompt included. */
    private final int limit;

    private int total;
    private int computed;

    /** Tokens after {@link #computed} whose K/V steps in flight compute. */
    private int launched;

    /** Tokens after {@link #total} that steps in flight sample. */
    private int pending;

    /** Drafts in flight: the last of {@link #launched}. */
    private int drafts;

    /** Maximum of {@link #computed} so far. */
    private int furthest;

    private int cachedTokens;
    private int[] blocks = NO_BLOCKS;
    private int blockCount;

    /** Number of blocks, from the first on, that are nodes of the tree: the full ones. */
    private int nodes;

    /**
     * @param index within the group
     * @param total tokens known from the start: the prompt, and those generated before a restore
     * @param limit maximum tokens, prompt included
     */
    protected Sequence(SequenceGroup group, int index, int total, int limit) {
        if (group.promptLength() < 1 || total < group.promptLength()) {
            throw new IllegalArgumentException(
                    "A sequence of %d tokens cannot have a prompt of %d."
                            .formatted(total, group.promptLength()));
        }
        this.group = group;
        this.index = index;
        this.total = total;
        this.limit = limit;
        group.join(this);
    }

    public final SequenceGroup group() {
        return group;
    }

    public final int index() {
        return index;
    }

    /** Known tokens: those of the prompt and those generated. */
    public final int total() {
        return total;
    }

    /** Tokens whose K/V is in the cache. */
    public final int computed() {
        return computed;
    }

    /** Tokens whose K/V will be in the cache once the steps in flight are completed. */
    final int planned() {
        return computed + launched;
    }

    /** Whether a step in flight computes some of its tokens. */
    final boolean isInFlight() {
        return launched > 0;
    }

    final int launched() {
        return launched;
    }

    final int pending() {
        return pending;
    }

    /** Whether a step may compute the token that is being sampled before the host knows it. */
    protected boolean runsAhead() {
        return true;
    }

    /**
     * Tokens that the next step can compute; 0 if the last token is being sampled, or one that the
     * host must know first.
     */
    final int left() {
        int all = total + pending;
        boolean waits = drafts > 0 || all >= limit;
        return pending > 0 && (waits || !runsAhead()) ? 0 : all - planned();
    }

    /**
     * Guesses the tokens to come, for the step that computes the last known token.
     *
     * @param most maximum number of drafts, at least 1
     * @return number of drafts; 0 for none
     */
    protected int draft(int most) {
        return 0;
    }

    /**
     * Drafts for the step whose tokens were planned last. None if an earlier one is in flight, as
     * its token is not known.
     *
     * @param planned tokens of that step
     * @param most maximum number of drafts
     */
    final int draftBehind(int planned, int most) {
        int room = Math.min(most, limit - total - 1);
        return launched == planned && pending == 1 && room > 0 ? draft(room) : 0;
    }

    /** Notes that the step whose tokens were planned last verifies drafts. */
    final void launchDrafts(int count) {
        drafts = count;
        launched += count;
        pending += count;
    }

    /**
     * Notes that a step will compute the next {@code tokens} tokens.
     *
     * @return number of tokens that it samples: 1 if these are the last known tokens, otherwise 0
     */
    final int launch(int tokens) {
        launched += tokens;
        int samples = planned() == total + pending ? 1 : 0;
        pending += samples;
        return samples;
    }

    /** KV block ids in order of position; the array may be longer than {@link #blockCount}. */
    public final int[] blocks() {
        return blocks;
    }

    final int blockCount() {
        return blockCount;
    }

    /** Prompt tokens that were found in the tree and never computed. */
    public final int cachedTokens() {
        return cachedTokens;
    }

    final int nodes() {
        return nodes;
    }

    /** Copies {@code count} known tokens from position {@code from} on. */
    protected abstract void copyTokens(int from, int count, int[] target, int offset);

    /**
     * Notes that the oldest of its steps in flight has computed the K/V of the next {@code tokens}
     * tokens, and adds blocks that are now full to the tree. Drafts among them do not count until
     * they are confirmed.
     *
     * @param samples the value that {@link #launch} returned
     * @param scratch holds the tokens of a block
     */
    final void advance(int tokens, int samples, PrefixTree tree, BlockFence fence, int[] scratch) {
        launched -= tokens;
        pending -= samples;
        int known = tokens - drafts;
        drafts = 0;
        confirm(known, tree, fence, scratch);
    }

    /**
     * Notes that K/V of the next {@code tokens} tokens is computed, and adds blocks that are now
     * full to the tree.
     */
    final void confirm(int tokens, PrefixTree tree, BlockFence fence, int[] scratch) {
        computed += tokens;
        if (computed > total || launched < 0 || pending < 0) {
            throw new IllegalStateException(
                    "K/V of %d tokens of %d is computed.".formatted(computed, total));
        }
        furthest = Math.max(furthest, computed);
        while ((nodes + 1) * tree.blockSize() <= computed) {
            copyBlock(nodes, scratch);
            int own = blocks[nodes];
            blocks[nodes] = tree.insert(lastNode(), scratch, own);
            if (blocks[nodes] != own) {
                // Later steps of this sequence may be in flight: they were launched with its own.
                fence.add(own);
            }
            nodes++;
        }
    }

    /**
     * Whether the tree has more of its next tokens than the steps in flight compute, so that
     * waiting for these and then calling {@link #extend} pays.
     *
     * @param scratch holds the tokens of a block
     */
    final boolean wouldExtend(PrefixTree tree, int[] scratch) {
        int blockSize = tree.blockSize();
        int node = lastNode();
        int known = nodes;
        while ((known + 1) * blockSize < total) {
            copyBlock(known, scratch);
            node = tree.find(node, scratch);
            if (node == PrefixTree.ROOT) {
                break;
            }
            known++;
        }
        return known * blockSize > planned();
    }

    /**
     * Takes its next tokens from the tree, all but one, which must be computed for its logits. A
     * block of its own that one of the tree replaces is released: nothing of this sequence may be
     * in flight.
     *
     * @param scratch holds the tokens of a block
     */
    final void extend(PrefixTree tree, int[] scratch) {
        int blockSize = tree.blockSize();
        while ((nodes + 1) * blockSize < total) {
            copyBlock(nodes, scratch);
            int node = tree.take(lastNode(), scratch);
            if (node == PrefixTree.ROOT) {
                return;
            }
            if (nodes < blockCount) {
                tree.release(blocks[nodes]);
                blocks[nodes] = node;
            } else {
                append(node);
            }
            nodes++;
            computed = nodes * blockSize;
        }
    }

    /**
     * Counts the tokens that {@link #extend} took from the tree.
     *
     * @param before {@link #computed} before that
     * @return prompt tokens among them
     */
    final int countCached(int before) {
        int got = promptPart(computed) - promptPart(before);
        cachedTokens += Math.max(0, promptPart(computed) - promptPart(Math.max(before, furthest)));
        furthest = Math.max(furthest, computed);
        return got;
    }

    private int promptPart(int tokens) {
        return Math.min(tokens, group.promptLength());
    }

    private int lastNode() {
        return nodes == 0 ? PrefixTree.ROOT : blocks[nodes - 1];
    }

    private void copyBlock(int index, int[] target) {
        copyTokens(index * target.length, target.length, target, 0);
    }

    /** Notes that a token was generated. */
    public final void grow() {
        total++;
    }

    /** Positions in full blocks of the prompt that another of its group can find in the tree. */
    final int shareable(int blockSize) {
        return Math.min(group.promptLength(), total - 1) / blockSize * blockSize;
    }

    /** Takes blocks until they hold {@code positions} positions. */
    final void reserve(int positions, PrefixTree tree) {
        for (int missing = tree.blocksFor(positions) - blockCount; missing > 0; missing--) {
            append(tree.allocate());
        }
    }

    /** Releases the blocks behind its known tokens. Nothing of this sequence may be in flight. */
    final void trim(PrefixTree tree) {
        while (blockCount > tree.blocksFor(total)) {
            tree.release(blocks[--blockCount]);
        }
    }

    /**
     * Releases all blocks, the last first; blocks of the tree may be found again. Nothing of this
     * sequence may be in flight.
     */
    final void release(PrefixTree tree) {
        while (blockCount > 0) {
            tree.release(blocks[--blockCount]);
        }
        nodes = 0;
        computed = 0;
    }

    /** As {@link #release}, after the steps in flight, whose results are ignored. */
    final void abandon(BlockFence fence) {
        while (blockCount > 0) {
            fence.add(blocks[--blockCount]);
        }
        nodes = 0;
        computed = 0;
        launched = 0;
        pending = 0;
        drafts = 0;
    }

    /**
     * Throws {@link IllegalStateException} unless exactly the full blocks are in the tree, under
     * the tokens of this sequence.
     */
    final void checkIntegrity(PrefixTree tree) {
        int[] expected = new int[tree.blockSize()];
        boolean whole = nodes == computed / expected.length && nodes <= blockCount;
        int above = PrefixTree.ROOT;
        for (int i = 0; whole && i < blockCount; i++) {
            if (i < nodes) {
                copyBlock(i, expected);
                whole = tree.isNode(blocks[i], above, expected);
                above = blocks[i];
            } else {
                whole = tree.isNone(blocks[i]);
            }
        }
        if (!whole) {
            throw new IllegalStateException(this + " has other blocks than its tokens say.");
        }
    }

    private void append(int block) {
        if (blockCount == blocks.length) {
            blocks = Arrays.copyOf(blocks, Math.max(8, 2 * blockCount));
        }
        blocks[blockCount++] = block;
    }

    @Override
    public final String toString() {
        return "sequence %d.%d (%d of %d tokens computed, %d and %d in flight, %d blocks)"
                .formatted(group.arrival(), index, computed, total, launched, pending, blockCount);
    }
}
