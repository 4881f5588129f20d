package io.millrace.gpu.schedule;

import static io.millrace.gpu.schedule.Simulation.tokens;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Steps that are planned before those in flight are known. */
class SchedulerAheadTest {
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
        assertThat(second.samples(0)).isOne();
        assertThat(third.position(0)).isEqualTo(20);
        assertThat(third.samples(0)).isOne();
        assertThat(simulation.complete()).isEqualTo("0.0:17");
        assertThat(simulation.complete()).isEqualTo("0.0:3");
        assertThat(sequence.computed()).isEqualTo(20);
        assertThat(sequence.total()).isEqualTo(21);
    }

    @Test
    void whoNeedsItsTokenFirstSitsOutUntilItIsKnown() {
        Simulation simulation = new Simulation(100, 4, 17, 8, 2);
        simulation.runsAhead = false;
        simulation.add(20, 9);
        simulation.runsAhead = true;
        simulation.add(5, 9);
        assertThat(simulation.plan()).isEqualTo("0.0:17");
        assertThat(simulation.plan()).as("a prompt is known").isEqualTo("0.0:3 1.0:5");
        assertThat(simulation.plan()).isEqualTo("1.0:1");
        simulation.complete();
        assertThat(simulation.plan()).isEqualTo("1.0:1");
        simulation.complete();
        assertThat(simulation.plan()).as("its token is known").isEqualTo("0.0:1 1.0:1");
        assertThat(simulation.steps()).isNotEmpty();
        assertThat(simulation.finished).containsExactlyInAnyOrder("0.0", "1.0");
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(2 + 2);
        simulation.complete();
        assertThat(simulation.tree.blocksInUse()).isEqualTo(2 + 2);
        simulation.complete();
        assertThat(simulation.tree.blocksInUse()).isEqualTo(2);
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
        assertThat(simulation.tree.blocksInUse()).isEqualTo(2 + 2);
        simulation.complete();
        assertThat(simulation.tree.blocksInUse()).isEqualTo(1 + 2);
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
}
