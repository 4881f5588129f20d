package io.millrace.gpu.device.cuda.step;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class OutputSlotsTest {
    private static final int MAX_ROWS = 5;
    private static final int VOCABULARY = 97;

    private final ByteBuffer memory =
            ByteBuffer.allocateDirect(2 * OutputSlots.words(MAX_ROWS) * Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN);
    private final StepQueue queue = new StepQueue(1, MAX_ROWS);
    private final SampleSlots slots = new SampleSlots(VOCABULARY, 2 * MAX_ROWS);

    @Test
    void placesAreCacheLinesApartAndHoldAll() {
        for (int rows : new int[] {1, 17, 54, 97, 1023}) {
            assertThat(OutputSlots.words(rows) % 16).isZero();
            assertThat(OutputSlots.words(rows)).isGreaterThanOrEqualTo(16 + rows + 41 * rows);
        }
    }

    @Test
    void whatTheMemoryHeldBeforeIsNoStep() {
        for (int i = 0; i < memory.capacity(); i++) {
            memory.put(i, (byte) 1);
        }
        OutputSlots outputs = new OutputSlots(memory, MAX_ROWS, VOCABULARY);
        assertThat(outputs.isThere(launch(new StepOutput(MAX_ROWS)))).isFalse();
    }

    @Test
    void eachStepIsReadFromItsPlaceOnceItsNumberIsThere() {
        OutputSlots outputs = new OutputSlots(memory, MAX_ROWS, VOCABULARY);
        StepOutput[] into = {new StepOutput(MAX_ROWS), new StepOutput(MAX_ROWS)};
        QueuedStep[] steps = {launch(into[0]), launch(into[1])};
        write(steps[0], 1_000_000, 1_500_000, 54, -2, 3);
        write(steps[1], 1_510_000, 1_900_000, 5, -3, 96);
        assertThat(outputs.isThere(steps[0])).isFalse();
        number(steps[1]);
        assertThat(outputs.isThere(steps[0])).as("another step's number").isFalse();
        number(steps[0]);
        assertThat(outputs.isThere(steps[0])).isTrue();
        outputs.collect(steps[0]);
        assertThat(into[0].tokenIds).startsWith(54, -2, 3);
        assertThat(into[0].logprobs[0]).isNull();
        assertThat(into[0].logprobs[1]).as("of bad logits").isNull();
        assertThat(into[0].logprobs[2].tokenId()).isEqualTo(3);
        assertThat(into[0].logprobs[2].logprob()).isEqualTo(-2.5f);
        assertThat(into[0].logprobs[2].topLogprobs()).containsExactly(-1f, -2f);
        assertThat(into[0].logprobs[2].topIds()).containsExactly(71, 72);
        assertThat(outputs.gapNanos()).as("before the first step").isEqualTo(-1);
        outputs.collect(steps[1]);
        assertThat(into[1].tokenIds).startsWith(5, -3, 96);
        assertThat(outputs.gapNanos()).isEqualTo(10_000);
    }

    @Test
    void aPlaceIsNotThereAgainBeforeItsNextStep() {
        OutputSlots outputs = new OutputSlots(memory, MAX_ROWS, VOCABULARY);
        StepOutput into = new StepOutput(MAX_ROWS);
        for (int i = 0; i < 17; i++) {
            QueuedStep step = launch(into);
            assertThat(outputs.isThere(step)).as("step %d", step.number()).isFalse();
            write(step, 0, 0, i, i, i);
            number(step);
            assertThat(outputs.isThere(step)).isTrue();
            outputs.collect(step);
            assertThat(into.tokenIds[0]).isEqualTo(i);
            queue.completed();
        }
    }

    /** Rows: plain, not sampled, with log probabilities and bad logits, with log probabilities. */
    private QueuedStep launch(StepOutput output) {
        StepBatch batch = new StepBatch(9, MAX_ROWS);
        batch.tokens = 4;
        batch.rows = 4;
        SamplingParameters asked =
                SamplingParameters.builder().maxTokens(1).temperature(0).logprobs(2).build();
        for (int i = 0; i < 4; i++) {
            batch.rowStart[i + 1] = i + 1;
            SamplingParameters p = i < 2 ? SamplingParameters.greedy(1) : asked;
            SamplingRow how = i == 1 ? null : new SamplingRow(p, 0, 0, new int[] {1});
            batch.sample(i, how == null ? 0 : 1, how);
        }
        QueuedStep step = queue.next();
        step.plan(batch, slots);
        step.output(output);
        queue.launched();
        return step;
    }

    private void write(QueuedStep step, long began, long done, int... ids) {
        int at = step.inFlightSlot() * OutputSlots.words(MAX_ROWS) * Integer.BYTES;
        memory.putLong(at + 8, began);
        memory.putLong(at + 16, done);
        for (int i = 0; i < ids.length; i++) {
            memory.putInt(at + 64 + 4 * i, ids[i]);
            int logprobs = at + 64 + 4 * MAX_ROWS + i * 41 * 4;
            memory.putFloat(logprobs, -2.5f);
            memory.putFloat(logprobs + 4, -1);
            memory.putFloat(logprobs + 8, -2);
            memory.putInt(logprobs + 84, 71);
            memory.putInt(logprobs + 88, 72);
        }
    }

    private void number(QueuedStep step) {
        memory.putInt(step.inFlightSlot() * OutputSlots.words(MAX_ROWS) * 4, step.number());
    }
}
