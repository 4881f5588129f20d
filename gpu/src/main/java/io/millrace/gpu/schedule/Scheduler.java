package io.millrace.gpu.schedule;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Chooses the tokens of each step. There are no phases: a sequence has computed tokens that catch
 * up with its total, whether these are a prompt, a prompt that lost its blocks, or the token drawn
 * last.
 *
 * <p>Running sequences come first, then waiting ones, each by rank (priority, arrival, index). The
 * first of the waiting is never passed by one that happens to need less, so none starves; when
 * blocks run out, the last in rank loses its own and waits again, so the first always gets on. What
 * the prefix tree knows is not computed again; blocks that nobody but the tree holds count as free.
 * Engine thread only.
 */
public final class Scheduler {
    private final PrefixTree tree;
    private final int maxTokens;
    private final int maxSequences;
    private final StepPlan plan;

    /** Tokens of the block that is looked up. */
    private final int[] blockTokens;

    /** Both by rank. */
    private final List<Sequence> running = new ArrayList<>();

    private final List<Sequence> waiting = new ArrayList<>();
    private long preemptions;
    private long cachedPromptTokens;

    /**
     * @param maxTokens most tokens of a step
     * @param maxSequences most sequences running at once
     */
    public Scheduler(PrefixTree tree, int maxTokens, int maxSequences) {
        if (maxTokens < 1 || maxSequences < 1) {
            throw new IllegalArgumentException(
                    "A step of %d tokens and %d sequences does nothing."
                            .formatted(maxTokens, maxSequences));
        }
        this.tree = tree;
        this.blockTokens = new int[tree.blockSize()];
        this.maxTokens = maxTokens;
        this.maxSequences = Math.min(maxSequences, maxTokens);
        this.plan = new StepPlan(this.maxSequences);
    }

    /** Queues a sequence that fits into the cache when alone. */
    public void add(Sequence sequence) {
        insert(waiting, sequence);
    }

    /** Forgets a sequence; the tree keeps its full blocks. One that is not here is ignored. */
    public void remove(Sequence sequence) {
        if (takeOut(running, sequence)) {
            sequence.release(tree);
        } else {
            takeOut(waiting, sequence);
        }
    }

    public boolean hasWork() {
        return !running.isEmpty() || !waiting.isEmpty();
    }

    public int running() {
        return running.size();
    }

    public int waiting() {
        return waiting.size();
    }

    /** Sequences that lost their blocks, since the start. */
    public long preemptions() {
        return preemptions;
    }

    /** Prompt tokens that were found in the tree instead of computed, since the start. */
    public long cachedPromptTokens() {
        return cachedPromptTokens;
    }

    /**
     * The next step. Its blocks are reserved; when it has run, the caller reports each row to
     * {@link #advance}. The plan is good until the next call, and empty only without work.
     */
    public StepPlan next() {
        plan.clear();
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            int before = sequence.computed();
            // Another may have computed meanwhile what this one still has to.
            sequence.extend(tree, blockTokens);
            cachedPromptTokens += sequence.countCached(before);
            int count = chunk(sequence, running.size() - 1 - i);
            if (makeRoom(sequence, count)) {
                plan.add(sequence, count);
            }
        }
        admit();
        return plan;
    }

    /** A step computed the K/V of the next {@code tokens} tokens of a running sequence. */
    public void advance(Sequence sequence, int tokens) {
        sequence.advance(tokens, tree, blockTokens);
    }

    /** Tokens of a sequence in this step, one left in the budget for each of those behind it. */
    private int chunk(Sequence sequence, int behind) {
        return Math.min(sequence.total() - sequence.computed(), maxTokens - plan.tokens() - behind);
    }

    /**
     * Reserves blocks for the next {@code count} tokens, at the cost of those last in rank.
     *
     * @return false if the sequence was the last itself and waits now
     */
    private boolean makeRoom(Sequence sequence, int count) {
        int needed = tree.blocksFor(sequence.computed() + count);
        while (needed - sequence.blockCount() > tree.available()) {
            // Those behind have no place in the plan yet: it is made in order of rank.
            Sequence last = running.remove(running.size() - 1);
            last.release(tree);
            insert(waiting, last);
            preemptions++;
            if (last == sequence) {
                return false;
            }
        }
        sequence.reserve(sequence.computed() + count, tree);
        return true;
    }

    private void admit() {
        for (int i = 0; i < waiting.size(); ) {
            if (plan.tokens() == maxTokens || running.size() == maxSequences) {
                return;
            }
            Sequence sequence = waiting.get(i);
            if (isSiblingAhead(sequence)) {
                // It is still computing what this one can share: the next may go first.
                i++;
                continue;
            }
            sequence.extend(tree, blockTokens);
            // All of it at once, and one block for each that runs: else it would soon be preempted.
            int needed = tree.blocksFor(sequence.total()) - sequence.blockCount();
            int spare = running.size();
            if (needed + spare > tree.available()) {
                sequence.release(tree);
                return;
            }
            waiting.remove(i);
            cachedPromptTokens += sequence.countCached(0);
            sequence.reserve(sequence.total(), tree);
            insert(running, sequence);
            plan.add(sequence, chunk(sequence, 0));
        }
    }

    /**
     * Whether others of its request run and none of them has computed the prompt's full blocks yet.
     */
    private boolean isSiblingAhead(Sequence sequence) {
        int shareable = sequence.shareable(tree.blockSize());
        boolean ahead = false;
        for (Sequence sibling : sequence.group().sequences()) {
            // Who runs holds blocks; who waits or is finished does not.
            if (sibling != sequence && sibling.blockCount() > 0) {
                if (sibling.computed() >= shareable) {
                    return false;
                }
                ahead = true;
            }
        }
        return ahead;
    }

    private static void insert(List<Sequence> list, Sequence sequence) {
        int at = Collections.binarySearch(list, sequence, Sequence.RANK);
        if (at >= 0) {
            throw new IllegalStateException("Scheduled twice: " + sequence);
        }
        list.add(-at - 1, sequence);
    }

    private static boolean takeOut(List<Sequence> list, Sequence sequence) {
        int at = Collections.binarySearch(list, sequence, Sequence.RANK);
        if (at < 0 || list.get(at) != sequence) {
            return false;
        }
        list.remove(at);
        return true;
    }

    /** Throws {@link IllegalStateException} if an invariant is broken. */
    public void checkIntegrity() {
        Set<Sequence> all = Collections.newSetFromMap(new IdentityHashMap<>());
        int[] holders = tree.newHolderCounts();
        checkList(running, all);
        checkList(waiting, all);
        for (Sequence sequence : running) {
            require(sequence.computed() < sequence.total(), sequence, "has nothing to compute");
            require(
                    sequence.blockCount() >= tree.blocksFor(sequence.computed()),
                    sequence,
                    "has K/V without blocks");
            sequence.checkIntegrity(tree);
            for (int i = 0; i < sequence.blockCount(); i++) {
                holders[sequence.blocks()[i]]++;
            }
        }
        for (Sequence sequence : waiting) {
            require(
                    sequence.blockCount() == 0 && sequence.computed() == 0,
                    sequence,
                    "holds blocks while it waits");
        }
        require(running.size() <= maxSequences, null, "More run than may run");
        tree.checkIntegrity(holders);
    }

    private static void checkList(List<Sequence> list, Set<Sequence> all) {
        for (int i = 0; i < list.size(); i++) {
            Sequence sequence = list.get(i);
            require(all.add(sequence), sequence, "is scheduled twice");
            require(
                    i == 0 || Sequence.RANK.compare(list.get(i - 1), sequence) < 0,
                    sequence,
                    "is out of rank");
        }
    }

    private static void require(boolean condition, Sequence sequence, String message) {
        if (!condition) {
            throw new IllegalStateException(
                    sequence == null ? message + "." : sequence + " " + message + ".");
        }
    }
}
