package io.millrace.gpu.schedule;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** Checks the invariants of a scheduler's sequences, blocks and plans. */
final class ScheduleCheck {
    private final PrefixTree tree;
    private final List<StepPlan> inFlight;

    /**
     * @param inFlight plans of the steps in flight, the oldest first
     */
    ScheduleCheck(PrefixTree tree, List<StepPlan> inFlight) {
        this.tree = tree;
        this.inFlight = inFlight;
    }

    /** Throws {@link IllegalStateException} if an invariant is broken. */
    void check(List<Sequence> running, List<Sequence> waiting, int maxSequences, BlockFence fence) {
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
        fence.checkIntegrity(references);
        tree.checkIntegrity(references);
    }

    /** Checks a sequence's counters against the plans in flight. */
    private void checkInFlight(Sequence sequence) {
        int tokens = 0;
        int samples = 0;
        for (StepPlan plan : inFlight) {
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
