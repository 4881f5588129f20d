package io.millrace.gpu.schedule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

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
 *
 * <p>Drafts (see {@link Sequence}) take what a step has left: tokens and samples that no sequence
 * needs, and blocks beyond one for each that runs. So no sequence waits or is preempted for them.
 */
public final class Scheduler {
    private final PrefixTree tree;
    private final int maxTokens;
    private final int maxSequences;

    /** Maximum samples of a step with drafts. */
    private final int maxSamples;

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
    private long draftTokens;
    private long acceptedTokens;

    /**
     * @param maxTokens maximum tokens of a step
     * @param maxSequences maximum sequences running at once
     * @param maxSamples maximum samples of a step with drafts; 0 for no drafts
     * @param ahead maximum steps in flight when another is planned
     */
    public Scheduler(PrefixTree tree, int maxTokens, int maxSequences, int maxSamples, int ahead) {
        if (maxTokens < 1 || maxSequences < 1) {
            throw new IllegalArgumentException(
                    "A step of %d tokens and %d sequences does nothing."
                            .formatted(maxTokens, maxSequences));
        }
        this.tree = tree;
        this.blockTokens = new int[tree.blockSize()];
        this.maxTokens = maxTokens;
        this.maxSequences = Math.min(maxSequences, maxTokens);
        this.maxSamples = maxSamples;
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

    /** Drafts that completed steps have verified, since the start. */
    public long draftTokens() {
        return draftTokens;
    }

    /** Drafts that were confirmed, since the start. */
    public long acceptedTokens() {
        return acceptedTokens;
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
        draft(plan);
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
        draftTokens += plan.drafts(row);
        plan.sequence(row).advance(plan.count(row), plan.samples(row), tree, fence, blockTokens);
    }

    /**
     * Notes that the first draft of a completed step is the token that was sampled last, which the
     * sequence has grown by: its K/V counts. Then the next draft is the first.
     */
    public void confirm(Sequence sequence) {
        acceptedTokens++;
        sequence.confirm(1, tree, fence, blockTokens);
    }

    /** Releases the blocks that drafts of a completed step took beyond those confirmed. */
    public void trim(Sequence sequence) {
        sequence.trim(tree);
    }

    /** Adds drafts to rows of the plan. */
    private void draft(StepPlan plan) {
        for (int row = 0; row < plan.rows(); row++) {
            int left = Math.min(maxTokens - plan.tokens(), maxSamples - plan.samples());
            if (left <= 0) {
                return;
            }
            Sequence sequence = plan.sequence(row);
            if (plan.samples(row) > 0) {
                int spare = Math.max(0, tree.available() - running.size());
                long room = (long) (sequence.blockCount() + spare) * tree.blockSize();
                int most = (int) Math.min(left, room - sequence.planned());
                int drafts = sequence.draftBehind(plan.count(row), most);
                if (drafts > 0) {
                    sequence.reserve(sequence.planned() + drafts, tree);
                    plan.addDrafts(row, drafts);
                }
            }
        }
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
        List<StepPlan> inFlight = IntStream.range(0, inFlight()).mapToObj(this::inFlight).toList();
        new ScheduleCheck(tree, inFlight).check(running, waiting, maxSequences, fence);
        if (inFlight() > plans.length) {
            throw new IllegalStateException("More steps are in flight than may be.");
        }
    }
}
