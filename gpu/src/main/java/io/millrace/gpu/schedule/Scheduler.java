package io.millrace.gpu.schedule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Chooses the tokens of each step. There are no prefill and decode phases: the computed tokens of a
 * sequence catch up with its total, which may be a prompt, a preempted sequence, or the token
 * sampled last.
 *
 * <p>Running sequences come first, then waiting ones, each by rank (priority, arrival, index). The
 * first waiting sequence is never overtaken by one that needs less, so none starves. When blocks
 * run out, the last in rank is preempted and waits again, so the first always makes progress.
 * Prefixes in the prefix tree are not computed again; idle blocks of the tree count as free. Engine
 * thread only.
 *
 * <p>Up to {@code ahead} steps are planned before those in flight are completed:
 *
 * <pre>
 * next()       next()       complete()                next()
 * step 1       step 2       step 1, with its tokens   step 3
 * in flight: 1              1, 2                      2, 3
 * </pre>
 *
 * A sequence with tokens in flight is not preempted, and not planned beyond its limit; blocks that
 * it releases wait at the {@link BlockFence}. If blocks are short and the last in rank is in
 * flight, the sequence that needs them and all behind it are not planned until those steps are
 * completed; then the rules above apply. Only confirmed tokens are looked up in the tree and added
 * to it.
 */
public final class Scheduler {
    private final PrefixTree tree;
    private final int maxTokens;
    private final int maxSequences;
    private final BlockFence fence;

    /** Used in turn; one more than {@code ahead}. */
    private final StepPlan[] plans;

    /** Scratch: the tokens of a block that is looked up. */
    private final int[] blockTokens;

    /** Both by rank. */
    private final List<Sequence> running = new ArrayList<>();

    private final List<Sequence> waiting = new ArrayList<>();
    private long preemptions;
    private long cachedPromptTokens;

    /**
     * @param maxTokens maximum tokens of a step
     * @param maxSequences maximum sequences running at once
     * @param ahead maximum steps in flight when another is planned
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
     * Removes a sequence; the tree keeps its full blocks. Its rows in steps in flight are ignored
     * from here on. A sequence that is not here is ignored.
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

    /** Number of preemptions since the start. */
    public long preemptions() {
        return preemptions;
    }

    /** Prompt tokens that were found in the tree instead of computed, since the start. */
    public long cachedPromptTokens() {
        return cachedPromptTokens;
    }

    /**
     * Plans the next step, which is in flight from here on, and reserves its blocks. The plan is
     * valid until the step is completed and the next is planned.
     *
     * @return a plan without rows, which is not in flight, if there is no work or none before a
     *     step in flight is completed
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
     * Completes the oldest step in flight. The caller then calls {@link #advance} for each of its
     * rows whose sequence is still here.
     */
    public StepPlan complete() {
        StepPlan plan = inFlight(0);
        fence.complete();
        return plan;
    }

    /** Notes that the K/V of a row of the completed plan is computed. */
    public void advance(StepPlan plan, int row) {
        plan.sequence(row).advance(plan.count(row), plan.samples(row), tree, fence, blockTokens);
    }

    /**
     * @return whether waiting sequences may use the rest of the step
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
                // Another sequence may have computed the next tokens of this one in the meantime.
                sequence.extend(tree, blockTokens);
                cachedPromptTokens += sequence.countCached(before);
            }
            int count = chunk(plan, sequence, running.size() - 1 - i);
            if (makeRoom(sequence, count)) {
                plan.add(sequence, count);
            } else if (i < running.size()) {
                // It still runs and waits for blocks: no sequence behind it may take them first.
                return false;
            }
        }
        return true;
    }

    /**
     * Tokens of a sequence in this step; one token of the budget is left for each one behind it.
     */
    private int chunk(StepPlan plan, Sequence sequence, int behind) {
        return Math.min(sequence.left(), maxTokens - plan.tokens() - behind);
    }

    /**
     * Reserves blocks for the next {@code count} tokens; preempts the last in rank if needed.
     *
     * @return false if the sequence was the last itself and waits now, or if steps in flight must
     *     be completed first
     */
    private boolean makeRoom(Sequence sequence, int count) {
        int positions = sequence.planned() + count;
        int needed = tree.blocksFor(positions);
        while (needed - sequence.blockCount() > tree.available()) {
            // Sequences behind are not in the plan yet: it is made in order of rank.
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
            // All of its blocks, and one for each that runs: otherwise it would soon be preempted.
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

    /** Whether others of its request run, and none has computed the prompt's full blocks yet. */
    private boolean isSiblingAhead(Sequence sequence) {
        int shareable = sequence.shareable(tree.blockSize());
        boolean ahead = false;
        for (Sequence sibling : sequence.group().sequences()) {
            // A running sequence has blocks; a waiting or finished one has none.
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
        int[] references = tree.newReferenceCounts();
        checkList(running, all);
        checkList(waiting, all);
        for (Sequence sequence : running) {
            require(sequence.computed() < sequence.total(), sequence, "has nothing to compute");
            require(
                    sequence.blockCount() >= tree.blocksFor(sequence.planned()),
                    sequence,
                    "has K/V without blocks");
            require(sequence.left() >= 0, sequence, "computes a token that is not sampled");
            sequence.checkIntegrity(tree);
            checkInFlight(sequence);
            for (int i = 0; i < sequence.blockCount(); i++) {
                references[sequence.blocks()[i]]++;
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
        fence.checkIntegrity(references);
        tree.checkIntegrity(references);
    }

    /** Checks a sequence's counters against the plans in flight. */
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
                tokens == sequence.launched() && samples == sequence.pending(),
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
