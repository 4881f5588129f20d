package io.millrace.gpu.device.cuda.step;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.IntBuffer;
import org.junit.jupiter.api.Test;

class StepLayoutTest {
    private static final int BLOCK = 8;
    private static final int WORDS = 800;

    @Test
    void tablesBeginOnCacheLinesAndDoNotOverlap() {
        StepLayout layout = new StepLayout(17, 5, BLOCK);
        int[] begins = {
            0,
            layout.header,
            layout.rowStart,
            layout.gather,
            layout.sample,
            layout.rowTable,
            layout.lastSamples,
            layout.tokenIds,
            layout.positions,
            layout.rowOf,
            layout.blocks
        };
        int[] lengths = {6 * 32, 4, 6, 5, 8 + 4 * 5, 5, 5, 17, 17, 17, 0};
        for (int i = 1; i < begins.length; i++) {
            assertThat(begins[i] % 32).isZero();
            assertThat(begins[i]).isGreaterThanOrEqualTo(begins[i - 1] + lengths[i - 1]);
        }
        // As resolve has it.
        assertThat(layout.tokenIds - layout.lastSamples)
                .isEqualTo(layout.lastSamples - layout.rowTable);
        assertThat(layout.rowOf - layout.positions).isEqualTo(layout.positions - layout.tokenIds);
        assertThat(layout.blocks).isEqualTo(layout.rowOf + layout.positions - layout.tokenIds);
    }

    @Test
    void writesWhatTheStepHas() {
        // Row 0: positions 15 to 17, not sampled; row 1: position 40, sampled; row 2: 0 to 7,
        // sampled.
        StepBatch batch = new StepBatch(17, 5);
        batch.tokens = 12;
        batch.rows = 3;
        int[] first = {15, 40, 0};
        batch.rowStart = new int[] {0, 3, 4, 12};
        for (int row = 0; row < 3; row++) {
            for (int i = batch.rowStart[row]; i < batch.rowStart[row + 1]; i++) {
                batch.tokenIds[i] = 100 + i;
                batch.positions[i] = first[row] + i - batch.rowStart[row];
            }
        }
        batch.blockTables[0] = new int[] {5, 6, 7, 99};
        batch.blockTables[1] = new int[] {1, 2, 3, 4, 9, 8};
        batch.blockTables[2] = new int[] {11};
        SamplingParameters general =
                SamplingParameters.builder().temperature(1).topK(5).logprobs(2).build();
        batch.sample(0, 0, null);
        batch.sample(1, 1, new SamplingRow(SamplingParameters.greedy(1), 0, 0, new int[] {1}));
        batch.sample(2, 1, new SamplingRow(general, 0, 0, new int[] {1}));
        SampleSlots slots = new SampleSlots(97, 5);
        StepQueue queue = new StepQueue(1, 5);
        queue.launched();
        QueuedStep step = queue.next();
        step.plan(batch, slots);
        StepLayout layout = new StepLayout(17, 5, BLOCK);
        IntBuffer words = IntBuffer.allocate(WORDS);
        assertThat(layout.write(batch, step, words)).isEqualTo(layout.blocks + 1 + 3 + 6 + 1);
        for (int i = 0; i < 6; i++) {
            assertThat(words.get(32 * i)).isEqualTo(11);
        }
        assertThat(slice(words, layout.header, 4)).containsExactly(12, 3, 2, 0);
        assertThat(slice(words, layout.tokenIds, 12)).startsWith(100, 101).endsWith(111);
        assertThat(slice(words, layout.positions, 12))
                .containsExactly(15, 16, 17, 40, 0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(slice(words, layout.rowOf, 12))
                .containsExactly(0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2);
        assertThat(slice(words, layout.rowStart, 4)).containsExactly(0, 3, 4, 12);
        assertThat(slice(words, layout.rowTable, 3)).containsExactly(1, 4, 10);
        assertThat(slice(words, layout.lastSamples, 3)).containsOnly(0);
        assertThat(slice(words, layout.gather, 2)).containsExactly(3, 11);
        assertThat(slice(words, layout.sample, 8)).containsExactly(2, 1, 1, 2, 1, 0, 14, 0);
        assertThat(slice(words, layout.slots, 2)).containsExactly(step.slot(0), step.slot(1));
        // Positions that are sampled for, whatever the rows say; then who is general, who asked.
        assertThat(slice(words, layout.slots + 5, 2)).containsExactly(41, 8);
        assertThat(words.get(layout.slots + 10)).isEqualTo(1);
        assertThat(words.get(layout.slots + 15)).isEqualTo(1);
        assertThat(slice(words, layout.blocks, 11))
                .containsExactly(0, 5, 6, 7, 1, 2, 3, 4, 9, 8, 11);
    }

    @Test
    void tokensThatTheStepBeforeSamplesNameTheirSlots() {
        StepBatch batch = new StepBatch(17, 5);
        batch.tokens = 3;
        batch.rows = 3;
        batch.rowStart = new int[] {0, 1, 2, 3};
        batch.positions = new int[] {7, 8, 9};
        SampleSlots slots = new SampleSlots(97, 10);
        StepQueue queue = new StepQueue(1, 5);
        for (int row = 0; row < 3; row++) {
            batch.tokenIds[row] = 50 + row;
            batch.blockTables[row] = new int[] {1 + row, 4 + row};
            SamplingParameters greedy = SamplingParameters.greedy(9);
            batch.sample(row, 1, new SamplingRow(greedy, row, 0, new int[] {1}));
        }
        QueuedStep first = queue.next();
        first.plan(batch, slots);
        for (int i = 0; i < 3; i++) {
            slots.queued(first.slot(i));
        }
        queue.launched();
        batch.tokenIds[0] = StepBatch.LAST_SAMPLE;
        batch.tokenIds[2] = StepBatch.LAST_SAMPLE;
        batch.positions = new int[] {8, 9, 10};
        QueuedStep second = queue.next();
        second.plan(batch, slots);
        StepLayout layout = new StepLayout(17, 5, BLOCK);
        IntBuffer words = IntBuffer.allocate(WORDS);
        layout.write(batch, second, words);
        int slot0 = second.slot(0);
        int slot2 = second.slot(2);
        assertThat(slot0).isEqualTo(first.slot(0));
        assertThat(slice(words, layout.tokenIds, 3)).containsExactly(-1 - slot0, 51, -1 - slot2);
        assertThat(slice(words, layout.lastSamples, 3)).containsExactly(-1 - slot0, 0, -1 - slot2);
        // Of two in-flight slots this is the second; the next step has the first.
        assertThat(slice(words, layout.sample + 4, 2)).containsExactly(1, 0);
    }

    @Test
    void noMoreBlockIdsAreLikelyThanThereIsRoomFor() {
        StepBatch batch = new StepBatch(17, 5);
        batch.tokens = 1;
        batch.rows = 1;
        batch.rowStart[1] = 1;
        batch.blockTables[0] = new int[] {1};
        batch.sample(0, 0, null);
        QueuedStep step = new StepQueue(1, 5).next();
        step.plan(batch, new SampleSlots(97, 5));
        StepLayout layout = new StepLayout(17, 5, BLOCK);
        IntBuffer words = IntBuffer.allocate(layout.blocks + 2);
        layout.write(batch, step, words);
        assertThat(words.get(layout.sample + 6)).isEqualTo(2);
    }

    private static int[] slice(IntBuffer words, int from, int count) {
        int[] slice = new int[count];
        words.get(from, slice, 0, count);
        return slice;
    }
}
