package io.millrace.jobs.chaos.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class FaultPlanTest {
    private static final int SEEDS = 97;

    @Test
    void aSeedGivesTheSamePlanAndAnotherSeedAnother() {
        assertThat(plan(17).draw(54)).isEqualTo(plan(17).draw(54)).isNotEqualTo(plan(54).draw(54));
    }

    @Test
    void thePlanOfASeedStaysAsItIs() {
        assertThat(plan(17).draw(3))
                .extracting(Fault::toString)
                .containsExactly("everything-kill", "rescale to 3", "rescale to 1");
    }

    @Test
    void mostFaultsRestoreTheState() {
        for (long seed = 0; seed < SEEDS; seed++) {
            List<Fault> faults = plan(seed).draw(6);
            assertThat(faults).hasSize(6);
            assertThat(faults.stream().filter(fault -> fault.kind().restores()).count())
                    .isGreaterThanOrEqualTo(4);
        }
    }

    @Test
    void allUsualKindsAreDrawnAndTheOutageIsNot() {
        Set<FaultKind> drawn = EnumSet.noneOf(FaultKind.class);
        for (long seed = 0; seed < SEEDS; seed++) {
            plan(seed).draw(6).forEach(fault -> drawn.add(fault.kind()));
        }
        assertThat(drawn)
                .containsExactlyInAnyOrderElementsOf(FaultKind.usual())
                .doesNotContain(FaultKind.OUTAGE);
    }

    @Test
    void eachKindComesOnceWhereThereIsRoomForAll() {
        for (long seed = 0; seed < SEEDS; seed++) {
            List<Fault> faults =
                    new FaultPlan(seed, List.of(FaultKind.BROKER_KILL, FaultKind.RESCALE), 2, 2, 3)
                            .draw(3);
            assertThat(faults.stream().map(Fault::kind).collect(Collectors.toSet())).hasSize(2);
        }
    }

    @Test
    void aRescaleChangesTheParallelismWithinItsBounds() {
        for (long seed = 0; seed < SEEDS; seed++) {
            int before = 2;
            FaultPlan plan = new FaultPlan(seed, List.of(FaultKind.RESCALE), 2, before, 3);
            for (Fault fault : plan.draw(17)) {
                assertThat(fault.parallelism()).isBetween(1, 3).isNotEqualTo(before);
                before = fault.parallelism();
            }
        }
    }

    private static FaultPlan plan(long seed) {
        return new FaultPlan(seed, FaultKind.usual(), 2, 2, 3);
    }
}
