package io.millrace.gpu.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Predicate;

/** Runs plans as an engine would, each sequence until it has generated its share. */
final class Simulation {
    final BlockManager blocks;
    final PrefixTree tree;
    final Scheduler scheduler;
    final int maxTokens;
    final List<TestingSequence[]> groups = new ArrayList<>();
    final List<Integer> lengths = new ArrayList<>();
    final List<String> finished = new ArrayList<>();
    private final int ahead;
    private long arrivals;

    /** What each step in flight was planned with. */
    private final Queue<Map<Sequence, int[]>> tables = new ArrayDeque<>();

    /** Whether those added from here on may be planned before their last token is known. */
    boolean runsAhead = true;

    /** Whether the token that a sequence got ends it. */
    Predicate<Sequence> stops = sequence -> false;

    Simulation(int blocks, int blockSize, int maxTokens, int maxSequences) {
        this(blocks, blockSize, maxTokens, maxSequences, 0);
    }

    Simulation(int blocks, int blockSize, int maxTokens, int maxSequences, int ahead) {
        this.blocks = new BlockManager(blocks, blockSize);
        tree = new PrefixTree(this.blocks);
        this.maxTokens = maxTokens;
        this.ahead = ahead;
        scheduler = new Scheduler(tree, maxTokens, maxSequences, 0, ahead);
    }

    void add(int prompt, int generate) {
        addGroup(prompt, 1, 0, generate);
    }

    void add(int prompt, int generate, int priority) {
        addGroup(prompt, 1, priority, generate);
    }

    /** Its prompt is like no other. */
    void addGroup(int prompt, int n, int priority, int generate) {
        int[] tokens = new int[prompt];
        Arrays.setAll(tokens, i -> (int) (-1000 * (arrivals + 1) - i));
        addGroup(tokens, n, priority, generate);
    }

    void add(int[] prompt, int generate) {
        addGroup(prompt, 1, 0, generate);
    }

    void addGroup(int[] prompt, int n, int priority, int generate) {
        SequenceGroup group = new SequenceGroup(priority, arrivals++, prompt.length);
        TestingSequence[] sequences = new TestingSequence[n];
        int limit = prompt.length + Math.max(1, generate);
        Arrays.setAll(sequences, i -> new TestingSequence(group, i, prompt, limit, runsAhead));
        groups.add(sequences);
        lengths.add(limit);
        for (Sequence sequence : sequences) {
            scheduler.add(sequence);
        }
    }

    /** Plans as many steps as can be, then completes one; tells what that one was. */
    String step() {
        String planned = "";
        while (planned != null && scheduler.inFlight() <= ahead) {
            planned = plan();
        }
        return complete();
    }

    /** Plans one step; null if there is nothing to plan before one is completed. */
    String plan() {
        StepPlan plan = scheduler.next();
        scheduler.checkIntegrity();
        if (plan.rows() == 0) {
            assertThat(scheduler.inFlight()).isPositive();
            return null;
        }
        assertThat(plan.tokens()).isBetween(1, maxTokens);
        for (int row = 0; row < plan.rows(); row++) {
            Sequence sequence = plan.sequence(row);
            int end = plan.position(row) + plan.count(row);
            assertThat(plan.count(row)).isPositive();
            assertThat(end).isLessThan(lengths.get((int) sequence.group().arrival()));
            requireOwn(sequence, plan.position(row), end);
        }
        requireSamplesInTurn(plan);
        remember(plan);
        return describe(plan);
    }

    private static void requireSamplesInTurn(StepPlan plan) {
        int samples = 0;
        for (int row = 0; row < plan.rows(); row++) {
            assertThat(plan.firstSample(row)).isEqualTo(samples);
            samples += plan.samples(row);
        }
    }

    /** What is written may be in no other sequence's table of a step in flight. */
    private void requireOwn(Sequence sequence, int from, int end) {
        for (int i = from / tree.blockSize(); i < tree.blocksFor(end); i++) {
            int block = sequence.blocks()[i];
            for (Map<Sequence, int[]> step : tables) {
                step.forEach(
                        (other, table) ->
                                assertThat(other == sequence || !contains(table, block))
                                        .as("block %d of %s is %s's", block, other, sequence)
                                        .isTrue());
            }
        }
    }

    private static boolean contains(int[] table, int block) {
        return Arrays.stream(table).anyMatch(b -> b == block);
    }

    private void remember(StepPlan plan) {
        Map<Sequence, int[]> step = new IdentityHashMap<>();
        for (int row = 0; row < plan.rows(); row++) {
            int blocks = tree.blocksFor(plan.position(row) + plan.count(row));
            Sequence sequence = plan.sequence(row);
            step.put(sequence, Arrays.copyOf(sequence.blocks(), blocks));
        }
        tables.add(step);
    }

    String complete() {
        StepPlan plan = scheduler.complete();
        tables.remove();
        for (int row = 0; row < plan.rows(); row++) {
            Sequence sequence = plan.sequence(row);
            if (finished.contains(name(sequence))) {
                continue;
            }
            scheduler.advance(plan, row);
            boolean draws = sequence.computed() == sequence.total();
            assertThat(plan.samples(row)).isEqualTo(draws ? 1 : 0);
            if (draws) {
                sequence.grow();
                if (sequence.total() >= lengths.get((int) sequence.group().arrival())
                        || stops.test(sequence)) {
                    scheduler.remove(sequence);
                    finished.add(name(sequence));
                }
            }
        }
        scheduler.checkIntegrity();
        return describe(plan);
    }

    static String describe(StepPlan plan) {
        List<String> rows = new ArrayList<>();
        for (int row = 0; row < plan.rows(); row++) {
            rows.add(name(plan.sequence(row)) + ":" + plan.count(row));
        }
        return String.join(" ", rows);
    }

    List<String> steps() {
        List<String> steps = new ArrayList<>();
        while (scheduler.hasWork()) {
            steps.add(step());
            assertThat(steps).hasSizeLessThan(10_000);
        }
        return steps;
    }

    static String name(Sequence sequence) {
        return sequence.group().arrival() + "." + sequence.index();
    }

    /** The first tokens of one of several endless prompts. */
    static int[] tokens(int length, int kind) {
        int[] tokens = new int[length];
        Arrays.setAll(tokens, i -> -1 - 7 * kind - 100 * i);
        return tokens;
    }
}
