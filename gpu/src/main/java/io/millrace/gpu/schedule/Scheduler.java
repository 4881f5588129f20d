package io.millrace.gpu.schedule;

import java.util.ArrayList;
import java.util.Arrays;
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
 *
 * <p>Steps are planned before those in flight are completed, as many as it was made for:
 *
 * <pre>
 * next()       next()       complete()                next()
 * step 1       step 2       step 1, with its tokens   step 3
 * in flight: 1              1, 2                      2, 3
 * </pre>
 *
 * A sequence with tokens in flight is not set back, and not planned beyond its limit; what it lets
 * go of waits at the {@link BlockFence}. Where blocks are short and the last in rank is in flight,
 * who needs them and all behind it sit out until their steps are completed; then the rules above
 * hold again. The tree is asked about confirmed tokens, and only those go there.
 */
public final class Scheduler {
    private final PrefixTree tree;
    private final int maxTokens;
    private final int maxSequences;
    private final BlockFence fence;

    /** In turn; one more than steps may be launched ahead. */
    private final StepPlan[] plans;

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
     * @param ahead most steps in flight when another is planned
     */
    public Scheduler(PrefixTree tree, int maxTokens, int maxSequences, int ahead) {
        if (maxTokens < 1 || maxSequences < 1) {
            throw new IllegalArgumentException(
                    "A step of %d tokens and %d sequences does nothing."
                            .formatted(maxTokens, maxSequences));
        }
        this.tree = tree;
        this.blockTokens = new int[tree.blockSize()];
        this.maxTokens = maxTokens;
        this.maxSequences = Math.min(maxSequences, maxTokens);
        fence = new BlockFence(tree);
        plans = new StepPlan[ahead + 1];
        Arrays.setAll(plans, slot -> new StepPlan(slot, this.maxSequences));
    }

    /** Queues a sequence that fits into the cache when alone. */
    public void add(Sequence sequence) {
        insert(waiting, sequence);
    }

    /**
     * Forgets a sequence; the tree keeps its full blocks. Its rows of steps in flight are of no
     * interest any more. One that is not here is ignored.
     */
    public void remove(Sequence sequence) {
        if (!takeOut(running, sequence)) {
            takeOut(waiting, sequence);
        } else if (sequence.isInFlight()) {
            sequence.abandon(fence);
        } else {
            sequence.release(tree);
        }
    }

    /** Whether there is a step to plan or one in flight. */
    public boolean hasWork() {
        return !running.isEmpty() || !waiting.isEmpty() || fence.inFlight() > 0;
    }

    /** Steps planned and not completed. */
    public int inFlight() {
        return fence.inFlight();
    }

    /** The plan of a step in flight, the oldest being 0. */
    public StepPlan inFlight(int index) {
        return plan(fence.completed() + index);
    }

    private StepPlan plan(long step) {
        return plans[(int) (step % plans.length)];
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
     * The next step, in flight from here on. Its blocks are reserved. The plan is good until the
     * step is completed and the next is planned.
     *
     * @return a plan without rows, which is not in flight, if nothing can be done before a step in
     *     flight is completed, or without work
     */
    public StepPlan next() {
        if (fence.inFlight() == plans.length) {
            throw new IllegalStateException(plans.length + " steps are in flight already.");
        }
        StepPlan plan = plan(fence.launched());
        plan.clear();
        if (planRunning(plan)) {
            admit(plan);
        }
        if (plan.rows() > 0) {
            fence.launch();
        }
        return plan;
    }

    /**
     * The oldest step in flight is completed. Each of its rows whose sequence is still here has to
     * be reported to {@link #advance}.
     */
    public StepPlan complete() {
        StepPlan plan = inFlight(0);
        fence.complete();
        return plan;
    }

    /** A row of the plan that is completed: the K/V of its tokens is there. */
    public void advance(StepPlan plan, int row) {
        plan.sequence(row).advance(plan.count(row), plan.samples(row), tree, fence, blockTokens);
    }

    /**
     * @return whether those who wait may have what is left
     */
    private boolean planRunning(StepPlan plan) {
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isInFlight()) {
                if (sequence.left() == 0 || sequence.wouldExtend(tree, blockTokens)) {
                    continue;
                }
            } else {
                int before = sequence.computed();
                // Another may have computed meanwhile what this one still has to.
                sequence.extend(tree, blockTokens);
                cachedPromptTokens += sequence.countCached(before);
            }
            int count = chunk(plan, sequence, running.size() - 1 - i);
            if (makeRoom(sequence, count)) {
                plan.add(sequence, count);
            } else if (i < running.size()) {
                // It still runs and waits for blocks: nobody behind it may have them first.
                return false;
            }
        }
        return true;
    }

    /** Tokens of a sequence in this step, one left in the budget for each of those behind it. */
    private int chunk(StepPlan plan, Sequence sequence, int behind) {
        return Math.min(sequence.left(), maxTokens - plan.tokens() - behind);
    }

    /**
     * Reserves blocks for the next {@code count} tokens, at the cost of those last in rank.
     *
     * @return false if the sequence was the last itself and waits now, or if steps in flight have
     *     to be completed first
     */
    private boolean makeRoom(Sequence sequence, int count) {
        int positions = sequence.planned() + count;
        int needed = tree.blocksFor(positions);
        while (needed - sequence.blockCount() > tree.available()) {
            // Those behind have no place in the plan yet: it is made in order of rank.
            Sequence last = running.get(running.size() - 1);
            if (last.isInFlight()) {
                return false;
            }
            running.remove(running.size() - 1);
            last.release(tree);
            insert(waiting, last);
            preemptions++;
            if (last == sequence) {
                return false;
            }
        }
        sequence.reserve(positions, tree);
        return true;
    }

    private void admit(StepPlan plan) {
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
            plan.add(sequence, chunk(plan, sequence, 0));
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
                    sequence.blockCount() >= tree.blocksFor(sequence.planned()),
                    sequence,
                    "has K/V without blocks");
            require(sequence.left() >= 0, sequence, "computes what is not drawn");
            sequence.checkIntegrity(tree);
            checkInFlight(sequence);
            for (int i = 0; i < sequence.blockCount(); i++) {
                holders[sequence.blocks()[i]]++;
            }
        }
        for (Sequence sequence : waiting) {
            require(
                    sequence.blockCount() == 0 && sequence.computed() == 0,
                    sequence,
                    "holds blocks while it waits");
            checkInFlight(sequence);
        }
        require(running.size() <= maxSequences, null, "More run than may run");
        require(inFlight() <= plans.length, null, "More steps are in flight than may be");
        fence.checkIntegrity(holders);
        tree.checkIntegrity(holders);
    }

    /** Its counters have to be what the plans in flight say. */
    private void checkInFlight(Sequence sequence) {
        int tokens = 0;
        int samples = 0;
        for (int i = 0; i < inFlight(); i++) {
            StepPlan plan = inFlight(i);
            for (int row = 0; row < plan.rows(); row++) {
                if (plan.sequence(row) == sequence) {
                    require(
                            plan.position(row) == sequence.computed() + tokens,
                            sequence,
                            "has a gap in flight");
                    tokens += plan.count(row);
                    samples += plan.samples(row);
                }
            }
        }
        require(
                tokens == sequence.launched() && samples == sequence.drawn(),
                sequence,
                "miscounts what is in flight");
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
