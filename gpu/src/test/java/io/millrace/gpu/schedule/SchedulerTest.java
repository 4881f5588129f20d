package io.millrace.gpu.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulerTest {
    private long arrivals;

    @Test
    void aLongPromptIsCutIntoChunksOfTheBudget() {
        Simulation simulation = new Simulation(100, 4, 17, 8);
        simulation.add(40, 3);
        assertThat(simulation.steps())
                .containsExactly("0.0:17", "0.0:17", "0.0:6", "0.0:1", "0.0:1");
    }

    @Test
    void promptsAndSingleTokensShareAStep() {
        Simulation simulation = new Simulation(100, 4, 10, 8);
        simulation.add(4, 3);
        assertThat(simulation.step()).isEqualTo("0.0:4");
        simulation.add(30, 1);
        assertThat(simulation.step()).isEqualTo("0.0:1 1.0:9");
    }

    @Test
    void aLongPromptLeavesATokenToEachBehindIt() {
        Simulation simulation = new Simulation(100, 4, 10, 8);
        simulation.add(2, 9, 0);
        simulation.add(2, 9, 0);
        simulation.step();
        simulation.add(30, 1, -1);
        assertThat(simulation.step()).isEqualTo("0.0:1 1.0:1 2.0:8");
        assertThat(simulation.step()).isEqualTo("2.0:8 0.0:1 1.0:1");
    }

    @Test
    void waitingOnesGoByPriorityThenArrival() {
        Simulation simulation = new Simulation(100, 4, 100, 1);
        simulation.add(3, 1, 0);
        simulation.add(3, 1, 5);
        simulation.add(3, 1, -1);
        simulation.add(3, 1, 0);
        assertThat(simulation.steps()).containsExactly("2.0:3", "0.0:3", "3.0:3", "1.0:3");
    }

    @Test
    void noMoreRunThanMayRun() {
        Simulation simulation = new Simulation(100, 4, 100, 2);
        for (int i = 0; i < 5; i++) {
            simulation.add(3, 2);
        }
        assertThat(simulation.step()).isEqualTo("0.0:3 1.0:3");
        assertThat(simulation.scheduler.running()).isEqualTo(2);
        assertThat(simulation.scheduler.waiting()).isEqualTo(3);
    }

    @Test
    void withoutBlocksTheNewestOfTheLeastUrgentIsPreempted() {
        // 6 blocks of 4: three prompts of 4 take 3, their first new tokens take the other 3.
        Simulation simulation = new Simulation(7, 4, 100, 8);
        simulation.add(4, 9, 1);
        simulation.add(4, 9, 0);
        simulation.add(4, 9, 0);
        for (int i = 0; i < 5; i++) {
            simulation.step();
            assertThat(simulation.scheduler.preemptions()).isZero();
        }
        // Sequence 0 has the highest priority number: it goes, then comes back when there is room.
        assertThat(simulation.step()).isEqualTo("1.0:1 2.0:1");
        assertThat(simulation.scheduler.preemptions()).isEqualTo(1);
        simulation.steps();
        assertThat(simulation.tree.heldBlocks()).isZero();
    }

    @Test
    void aPreemptedSequenceIsComputedAgainWithWhatItHadGenerated() {
        Simulation simulation = new Simulation(4, 4, 100, 8);
        simulation.add(4, 6);
        simulation.add(4, 6);
        simulation.step();
        // The third block went to sequence 0; sequence 1 lost its own and comes back with 5 tokens.
        assertThat(simulation.step()).isEqualTo("0.0:1");
        List<String> rest = simulation.steps();
        assertThat(rest).containsOnlyOnce("1.0:5");
    }

    @Test
    void whatFitsAloneIsAnsweredHoweverMuchElseThereIs() {
        Simulation simulation = new Simulation(11, 4, 13, 8);
        for (int i = 0; i < 5; i++) {
            simulation.add(2, 17);
        }
        simulation.add(39, 1);
        for (int i = 0; i < 5; i++) {
            simulation.add(2, 17);
        }
        simulation.steps();
        assertThat(simulation.finished).hasSize(11);
        // Nobody who came later passed the large one for long: it was the sixth or seventh to
        // finish.
        assertThat(simulation.finished.indexOf("5.0")).isBetween(5, 6);
    }

    @Test
    void completionsOfARequestShareThePromptsFullBlocks() {
        Simulation simulation = new Simulation(100, 4, 100, 8);
        simulation.addGroup(11, 3, 0, 5);
        assertThat(simulation.step()).isEqualTo("0.0:11");
        // Two full blocks of four are shared; the other three prompt tokens are each one's own.
        assertThat(simulation.step()).isEqualTo("0.0:1 0.1:3 0.2:3");
        assertThat(simulation.tree.heldBlocks()).isEqualTo(2 + 3);
        Sequence[] s = simulation.groups.get(0);
        assertThat(s[1].blocks()[0]).isEqualTo(s[0].blocks()[0]);
        assertThat(s[2].blocks()[1]).isEqualTo(s[0].blocks()[1]);
        assertThat(s[1].blocks()[2]).isNotEqualTo(s[0].blocks()[2]);
        simulation.steps();
        assertThat(simulation.tree.heldBlocks()).isZero();
    }

    @Test
    void thePromptsKvOutlivesACompletionThatEndsAtOnce() {
        Simulation simulation = new Simulation(100, 4, 100, 1);
        simulation.addGroup(11, 3, 0, 1);
        simulation.add(5, 1);
        assertThat(simulation.steps()).containsExactly("0.0:11", "0.1:3", "0.2:3", "1.0:5");
        assertThat(simulation.tree.heldBlocks()).isZero();
    }

    @Test
    void aForkAlwaysHasATokenLeftToCompute() {
        for (int prompt : new int[] {1, 3, 4, 5, 8, 9}) {
            Simulation simulation = new Simulation(100, 4, 100, 8);
            simulation.addGroup(prompt, 2, 0, 3);
            simulation.steps();
            assertThat(simulation.finished).hasSize(2);
        }
    }

    @Test
    void othersGoAheadWhileForksWaitForThePrompt() {
        Simulation simulation = new Simulation(100, 4, 10, 8);
        simulation.addGroup(20, 2, 0, 2);
        simulation.add(3, 2);
        assertThat(simulation.step()).isEqualTo("0.0:10");
        assertThat(simulation.step()).isEqualTo("0.0:10");
        assertThat(simulation.step()).isEqualTo("0.0:1 0.1:4 1.0:3");
    }

    @Test
    void removingASequenceFreesItsBlocksAndNoSiblings() {
        Simulation simulation = new Simulation(100, 4, 100, 8);
        simulation.addGroup(11, 2, 0, 50);
        simulation.step();
        simulation.step();
        Sequence[] s = simulation.groups.get(0);
        simulation.scheduler.remove(s[0]);
        simulation.scheduler.checkIntegrity();
        assertThat(simulation.tree.heldBlocks()).isEqualTo(3);
        simulation.scheduler.remove(s[0]);
        simulation.scheduler.remove(s[1]);
        assertThat(simulation.tree.heldBlocks()).isZero();
        assertThat(simulation.scheduler.hasWork()).isFalse();
    }

    @Test
    void whatWasComputedOnceIsNotComputedAgain() {
        for (int block : new int[] {1, 4, 17}) {
            for (int prompt : new int[] {1, block, block + 1, 3 * block, 3 * block + 1, 97}) {
                Simulation simulation = new Simulation(200, block, 500, 8);
                simulation.add(tokens(prompt, 0), 1);
                simulation.steps();
                simulation.add(tokens(prompt, 0), 1);
                // All full blocks but for the last token, which gives the logits.
                int hit = (prompt - 1) / block * block;
                assertThat(simulation.step()).isEqualTo("1.0:" + (prompt - hit));
                assertThat(simulation.groups.get(1)[0].cachedTokens()).isEqualTo(hit);
                assertThat(simulation.scheduler.cachedPromptTokens()).isEqualTo(hit);
            }
        }
    }

    @Test
    void onlyTheCommonPrefixIsFound() {
        Simulation simulation = new Simulation(100, 4, 100, 8);
        simulation.add(tokens(30, 0), 1);
        simulation.steps();
        int[] other = tokens(30, 0);
        other[17]++;
        simulation.add(other, 1);
        assertThat(simulation.steps()).containsExactly("1.0:14");
    }

    @Test
    void anAnswersTokensAreFoundByThePromptThatContinuesIt() {
        Simulation simulation = new Simulation(100, 4, 100, 8);
        simulation.add(tokens(9, 0), 9);
        simulation.steps();
        TestingSequence before = simulation.groups.get(0)[0];
        int[] conversation = new int[25];
        Arrays.setAll(conversation, i -> i < 18 ? before.token(i) : i);
        simulation.add(conversation, 1);
        // The last of 18 tokens was drawn and never computed: four full blocks are there.
        assertThat(simulation.steps()).containsExactly("1.0:9");
    }

    @Test
    void aRunningSequencesBlocksAreFoundAtOnce() {
        Simulation simulation = new Simulation(100, 4, 10, 8);
        simulation.add(tokens(33, 0), 9);
        assertThat(simulation.step()).isEqualTo("0.0:10");
        assertThat(simulation.step()).isEqualTo("0.0:10");
        assertThat(simulation.step()).isEqualTo("0.0:10");
        simulation.add(tokens(33, 0), 9);
        assertThat(simulation.step()).isEqualTo("0.0:3 1.0:5");
        // All eight full blocks are shared now, the last token's are each one's own.
        assertThat(simulation.tree.heldBlocks()).isEqualTo(8 + 2);
    }

    @Test
    void twoOfAKindTogetherEndWithOneCopy() {
        Simulation simulation = new Simulation(100, 4, 100, 8);
        simulation.add(tokens(10, 0), 9);
        simulation.add(tokens(10, 0), 9);
        assertThat(simulation.step()).isEqualTo("0.0:10 1.0:10");
        Sequence one = simulation.groups.get(0)[0];
        Sequence two = simulation.groups.get(1)[0];
        assertThat(two.blocks()[0]).isEqualTo(one.blocks()[0]);
        assertThat(two.blocks()[1]).isEqualTo(one.blocks()[1]);
        assertThat(two.blocks()[2]).isNotEqualTo(one.blocks()[2]);
        assertThat(simulation.tree.heldBlocks()).isEqualTo(2 + 2);
        assertThat(simulation.blocks.usedBlocks()).isEqualTo(2 + 2);
        assertThat(two.cachedTokens()).isZero();
    }

    @Test
    void aRunningSequenceSkipsWhatAnotherComputedMeanwhile() {
        Simulation simulation = new Simulation(100, 4, 26, 8);
        simulation.add(tokens(21, 0), 9);
        simulation.add(tokens(21, 0), 9);
        assertThat(simulation.step()).isEqualTo("0.0:21 1.0:5");
        // Five of 21 are computed; 20 are in the tree.
        assertThat(simulation.step()).isEqualTo("0.0:1 1.0:1");
        assertThat(simulation.groups.get(1)[0].cachedTokens()).isEqualTo(15);
    }

    @Test
    void aPreemptedSequenceFindsItsBlocksAgain() {
        Simulation simulation = new Simulation(6, 4, 100, 8);
        simulation.add(tokens(8, 0), 3);
        simulation.add(tokens(8, 1), 9);
        simulation.step();
        // 0 takes the fifth block; 1 waits with nine tokens, eight of them in the tree.
        assertThat(simulation.step()).isEqualTo("0.0:1");
        assertThat(simulation.scheduler.preemptions()).isEqualTo(1);
        assertThat(simulation.step()).isEqualTo("0.0:1");
        assertThat(simulation.step()).isEqualTo("1.0:1");
        assertThat(simulation.groups.get(1)[0].cachedTokens()).isZero();
        assertThat(simulation.scheduler.cachedPromptTokens()).isEqualTo(8);
    }

    @Test
    void theLeastRecentlyUsedPromptIsForgottenFirst() {
        // 6 blocks of 4 hold three prompts of two.
        Simulation simulation = new Simulation(7, 4, 100, 1);
        for (int kind : new int[] {0, 1, 2, 0}) {
            simulation.add(tokens(8, kind), 1);
            simulation.steps();
        }
        simulation.add(tokens(8, 3), 1);
        assertThat(simulation.step()).isEqualTo("4.0:8");
        simulation.add(tokens(9, 0), 1);
        assertThat(simulation.step()).isEqualTo("5.0:1");
        simulation.add(tokens(9, 1), 1);
        assertThat(simulation.step()).isEqualTo("6.0:9");
    }

    @Test
    void whatWaitsForRoomHoldsNothing() {
        Simulation simulation = new Simulation(7, 4, 100, 8);
        simulation.add(tokens(9, 0), 1);
        simulation.steps();
        simulation.add(tokens(15, 1), 5);
        simulation.step();
        simulation.add(tokens(17, 0), 1);
        assertThat(simulation.step()).isEqualTo("1.0:1");
        assertThat(simulation.tree.heldBlocks()).isEqualTo(4);
        assertThat(simulation.groups.get(2)[0].cachedTokens()).isZero();
        simulation.steps();
        assertThat(simulation.finished).containsExactly("0.0", "1.0", "2.0");
    }

    @Test
    void aStepFollowsOnTheTokenThatIsBeingDrawn() {
        Simulation simulation = new Simulation(100, 4, 17, 8, 2);
        simulation.add(20, 9);
        assertThat(simulation.plan()).isEqualTo("0.0:17");
        assertThat(simulation.plan()).isEqualTo("0.0:3");
        assertThat(simulation.plan()).isEqualTo("0.0:1");
        Sequence sequence = simulation.groups.get(0)[0];
        assertThat(sequence.computed()).isZero();
        assertThat(sequence.total()).isEqualTo(20);
        StepPlan second = simulation.scheduler.inFlight(1);
        StepPlan third = simulation.scheduler.inFlight(2);
        assertThat(second.position(0)).isEqualTo(17);
        assertThat(second.draws(0)).isTrue();
        assertThat(third.position(0)).isEqualTo(20);
        assertThat(third.draws(0)).isTrue();
        assertThat(simulation.complete()).isEqualTo("0.0:17");
        assertThat(simulation.complete()).isEqualTo("0.0:3");
        assertThat(sequence.computed()).isEqualTo(20);
        assertThat(sequence.total()).isEqualTo(21);
    }

    @Test
    void noStepIsPlannedBeyondTheLimitOrTheRoomInFlight() {
        Simulation simulation = new Simulation(100, 4, 17, 8, 8);
        simulation.add(5, 3);
        assertThat(simulation.plan()).isEqualTo("0.0:5");
        assertThat(simulation.plan()).isEqualTo("0.0:1");
        assertThat(simulation.plan()).isEqualTo("0.0:1");
        assertThat(simulation.plan()).isNull();
        simulation.add(5, 99);
        for (int step = 3; step < 9; step++) {
            assertThat(simulation.plan()).startsWith("1.0:");
        }
        assertThatThrownBy(simulation::plan).hasMessageContaining("9 steps are in flight");
    }

    @Test
    void blocksAreFreeAfterTheLastStepThatWasLaunchedWithThem() {
        Simulation simulation = new Simulation(100, 4, 17, 8, 2);
        simulation.add(7, 9);
        simulation.add(3, 9);
        simulation.plan();
        simulation.plan();
        simulation.scheduler.remove(simulation.groups.get(0)[0]);
        simulation.finished.add("0.0");
        simulation.scheduler.checkIntegrity();
        assertThat(simulation.plan()).isEqualTo("1.0:1");
        assertThat(simulation.tree.heldBlocks()).isEqualTo(2 + 2);
        simulation.complete();
        assertThat(simulation.tree.heldBlocks()).isEqualTo(2 + 2);
        simulation.complete();
        assertThat(simulation.tree.heldBlocks()).isEqualTo(2);
    }

    @Test
    void aTwinsOwnBlockIsFreeAfterTheStepsThatReadIt() {
        Simulation simulation = new Simulation(100, 4, 100, 8, 1);
        simulation.add(tokens(4, 0), 9);
        simulation.add(tokens(4, 0), 9);
        assertThat(simulation.plan()).isEqualTo("0.0:4 1.0:4");
        assertThat(simulation.plan()).isEqualTo("0.0:1 1.0:1");
        simulation.complete();
        assertThat(simulation.groups.get(1)[0].blocks()[0])
                .isEqualTo(simulation.groups.get(0)[0].blocks()[0]);
        assertThat(simulation.tree.heldBlocks()).isEqualTo(2 + 2);
        simulation.complete();
        assertThat(simulation.tree.heldBlocks()).isEqualTo(1 + 2);
    }

    @Test
    void whoHasTokensInFlightIsNotSetBack() {
        // 4 blocks of 4: two prompts and the tokens after them take all.
        Simulation simulation = new Simulation(5, 4, 100, 8, 8);
        simulation.add(5, 9);
        simulation.add(4, 9);
        assertThat(simulation.plan()).isEqualTo("0.0:5 1.0:4");
        for (int step = 0; step < 3; step++) {
            assertThat(simulation.plan()).isEqualTo("0.0:1 1.0:1");
        }
        // The first lacks a block. The second does not, but must not go on for ever.
        assertThat(simulation.plan()).isNull();
        for (int step = 0; step < 3; step++) {
            simulation.complete();
            assertThat(simulation.plan()).isNull();
            assertThat(simulation.scheduler.preemptions()).isZero();
        }
        simulation.complete();
        assertThat(simulation.plan()).isEqualTo("0.0:1");
        assertThat(simulation.scheduler.preemptions()).isEqualTo(1);
        simulation.steps();
        assertThat(simulation.finished).containsExactly("0.0", "1.0");
    }

    @Test
    void whoFindsInTheTreeWhatItHasToComputeWaitsForItsStepsAndTakesIt() {
        Simulation simulation = new Simulation(100, 4, 26, 8, 1);
        simulation.add(tokens(97, 0), 9);
        simulation.add(tokens(97, 0), 9);
        for (String step : List.of("0.0:26", "0.0:26", "0.0:26")) {
            assertThat(simulation.step()).isEqualTo(step);
        }
        // It found 52 tokens, and seven are on their way; now 76 are in the tree.
        assertThat(simulation.plan()).isEqualTo("0.0:1");
        assertThat(simulation.complete()).isEqualTo("0.0:19 1.0:7");
        assertThat(simulation.plan()).isEqualTo("0.0:1 1.0:1");
        assertThat(simulation.groups.get(1)[0].cachedTokens()).isEqualTo(96 - 7);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 8})
    void anyWorkloadFinishesWithoutALeak(int ahead) {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            int blockSize = 1 + random.nextInt(7);
            int blocks = 3 + random.nextInt(20);
            int capacity = (blocks - 1) * blockSize;
            Simulation simulation =
                    new Simulation(
                            blocks,
                            blockSize,
                            1 + random.nextInt(54),
                            1 + random.nextInt(17),
                            ahead);
            int stopsOneOf = seed % 2 == 0 ? Integer.MAX_VALUE : 9;
            simulation.stops = sequence -> random.nextInt(stopsOneOf) == 0;
            int expected = 0;
            for (int i = 0; i < 17; i++) {
                int prompt = 1 + random.nextInt(capacity);
                int generated = random.nextInt(capacity - prompt + 1);
                int n = 1 + random.nextInt(3);
                int[] tokens = tokens(prompt, random.nextInt(3));
                if (random.nextBoolean()) {
                    tokens[random.nextInt(prompt)] = random.nextInt(3);
                }
                simulation.addGroup(tokens, n, random.nextInt(3), generated);
                expected += n;
                for (int steps = random.nextInt(4); steps > 0; steps--) {
                    if (simulation.scheduler.hasWork()) {
                        simulation.step();
                    }
                }
                if (random.nextInt(5) == 0) {
                    Sequence[] group = simulation.groups.get(random.nextInt(i + 1));
                    for (Sequence sequence : group) {
                        String name = Simulation.name(sequence);
                        simulation.scheduler.remove(sequence);
                        if (!simulation.finished.contains(name)) {
                            simulation.finished.add(name);
                        }
                        simulation.scheduler.checkIntegrity();
                    }
                }
            }
            simulation.steps();
            assertThat(simulation.finished).hasSize(expected).doesNotHaveDuplicates();
            assertThat(simulation.blocks.usedBlocks()).isEqualTo(simulation.tree.nodes());
            simulation.tree.clear();
            assertThat(simulation.blocks.usedBlocks()).isZero();
        }
    }

    /** The first tokens of one of several endless prompts. */
    private static int[] tokens(int length, int kind) {
        int[] tokens = new int[length];
        Arrays.setAll(tokens, i -> -1 - 7 * kind - 100 * i);
        return tokens;
    }

    /** Runs plans as an engine would, each sequence until it has generated its share. */
    private final class Simulation {
        final BlockManager blocks;
        final PrefixTree tree;
        final Scheduler scheduler;
        final int maxTokens;
        final List<TestingSequence[]> groups = new ArrayList<>();
        final List<Integer> lengths = new ArrayList<>();
        final List<String> finished = new ArrayList<>();
        private final int ahead;

        /** What each step in flight was planned with. */
        private final Queue<Map<Sequence, int[]>> tables = new ArrayDeque<>();

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
            scheduler = new Scheduler(tree, maxTokens, maxSequences, ahead);
            arrivals = 0;
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
            Arrays.setAll(sequences, i -> new TestingSequence(group, i, prompt, limit));
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
            remember(plan);
            return describe(plan);
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
                assertThat(plan.draws(row)).isEqualTo(sequence.computed() == sequence.total());
                if (plan.draws(row)) {
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
    }
}
