package io.millrace.gpu.device.cuda.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StepQueueTest {

    @Test
    void stepsAreCompletedInTheOrderOfTheirLaunchesAndShareNoPlace() {
        for (int ahead : new int[] {0, 1, 2, 8}) {
            StepQueue queue = new StepQueue(ahead, 3);
            Queue<Integer> expected = new ArrayDeque<>();
            Set<Integer> places = new HashSet<>();
            Random random = new Random(ahead);
            int launched = 0;
            for (int i = 0; i < 1023; i++) {
                if (queue.inFlight() <= ahead && (expected.isEmpty() || random.nextBoolean())) {
                    QueuedStep next = queue.next();
                    assertThat(next.number()).isEqualTo(++launched);
                    assertThat(places.add(next.inFlightSlot())).as("a place of its own").isTrue();
                    queue.launched();
                    expected.add(next.number());
                } else {
                    QueuedStep oldest = queue.oldest();
                    assertThat(oldest.number()).isEqualTo(expected.remove());
                    places.remove(oldest.inFlightSlot());
                    queue.completed();
                }
                assertThat(queue.inFlight()).isEqualTo(expected.size());
            }
            assertThat(queue.inFlightSlots()).isEqualTo(ahead + 1);
        }
    }

    @Test
    void noMoreAreInFlightThanMayBe() {
        StepQueue queue = new StepQueue(1, 3);
        assertThatThrownBy(queue::oldest).isInstanceOf(IllegalStateException.class);
        queue.next();
        queue.launched();
        queue.next();
        queue.launched();
        assertThatThrownBy(queue::next)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("2 steps in flight");
    }

    @Test
    void aStepThatWasNotLaunchedIsTheNextOneStill() {
        StepQueue queue = new StepQueue(1, 3);
        assertThat(queue.next()).isSameAs(queue.next());
        assertThat(queue.next().number()).isEqualTo(1);
    }

    @Test
    void saysWhatIsInFlight() {
        StepQueue queue = new StepQueue(2, 3);
        assertThat(queue).hasToString("no step");
        for (int i = 0; i < 3; i++) {
            queue.next().plan(batch(2), new SampleSlots(97, 9));
            queue.launched();
        }
        assertThat(queue).hasToString("step 1 of 2 tokens in 2 rows and 2 behind it");
    }

    @Test
    void aLastSampleIsAloneInItsRowAndSampled() {
        QueuedStep step = new StepQueue(1, 3).next();
        StepBatch unsampled = batch(1);
        unsampled.tokenIds[0] = StepBatch.LAST_SAMPLE;
        unsampled.sample(0, 0, null);
        assertThatThrownBy(() -> step.plan(unsampled, new SampleSlots(97, 9)))
                .isInstanceOf(IllegalArgumentException.class);
        StepBatch two = batch(1);
        two.rowStart[1] = 2;
        two.tokenIds[1] = StepBatch.LAST_SAMPLE;
        assertThatThrownBy(() -> step.plan(two, new SampleSlots(97, 9)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aRowOfSeveralSamplesIsRefused() {
        QueuedStep step = new StepQueue(1, 3).next();
        StepBatch batch = batch(1);
        batch.tokens = 3;
        batch.rowStart[1] = 3;
        batch.sample(0, 3, batch.sampling[0]);
        assertThatThrownBy(() -> step.plan(batch, new SampleSlots(97, 9)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 samples");
    }

    private static StepBatch batch(int rows) {
        StepBatch batch = new StepBatch(9, 3);
        batch.tokens = rows;
        batch.rows = rows;
        for (int i = 0; i < rows; i++) {
            batch.rowStart[i + 1] = i + 1;
            batch.sample(i, 1, new SamplingRow(SamplingParameters.greedy(1), 0, 0, new int[] {1}));
        }
        return batch;
    }
}
