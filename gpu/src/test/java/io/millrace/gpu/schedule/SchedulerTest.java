package io.millrace.gpu.schedule;

import static io.millrace.gpu.schedule.Simulation.tokens;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulerTest {
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
        assertThat(simulation.tree.blocksInUse()).isZero();
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(2 + 3);
        Sequence[] s = simulation.groups.get(0);
        assertThat(s[1].blocks()[0]).isEqualTo(s[0].blocks()[0]);
        assertThat(s[2].blocks()[1]).isEqualTo(s[0].blocks()[1]);
        assertThat(s[1].blocks()[2]).isNotEqualTo(s[0].blocks()[2]);
        simulation.steps();
        assertThat(simulation.tree.blocksInUse()).isZero();
    }

    @Test
    void thePromptsKvOutlivesACompletionThatEndsAtOnce() {
        Simulation simulation = new Simulation(100, 4, 100, 1);
        simulation.addGroup(11, 3, 0, 1);
        simulation.add(5, 1);
        assertThat(simulation.steps()).containsExactly("0.0:11", "0.1:3", "0.2:3", "1.0:5");
        assertThat(simulation.tree.blocksInUse()).isZero();
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(3);
        simulation.scheduler.remove(s[0]);
        simulation.scheduler.remove(s[1]);
        assertThat(simulation.tree.blocksInUse()).isZero();
        assertThat(simulation.scheduler.hasWork()).isFalse();
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
}
