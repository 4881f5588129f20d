package io.millrace.gpu.schedule;

import static io.millrace.gpu.schedule.Simulation.tokens;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What the prefix tree spares sequences. */
class SchedulerPrefixTest {
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
        // The last of 18 tokens was sampled and never computed: four full blocks are there.
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(8 + 2);
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(2 + 2);
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(4);
        assertThat(simulation.groups.get(2)[0].cachedTokens()).isZero();
        simulation.steps();
        assertThat(simulation.finished).containsExactly("0.0", "1.0", "2.0");
    }
}
