package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.IntBuffer;

/**
 * One step from its launch to its completion: what the host keeps of it after its batch is reused.
 * Reused for later steps.
 */
public final class QueuedStep {
    private final int maxRows;
    private final int inFlightSlot;
    private final int nextSlot;

    /** Per sample: row of the batch, sampling slot, requested log probabilities (-1: none). */
    private final int[] rowOf;

    private final int[] slots;
    private final int[] tops;
    private final boolean[] isFiltered;

    private int number;
    private int tokens;
    private int rows;
    private int sampled;
    private int filtered;
    private int withLogprobs;
    private int masked;
    private int onFastPath;
    private int lastSamples;
    private StepOutput output;

    /**
     * @param inFlightSlot index among the steps that can be in flight
     * @param nextSlot that of the next step
     */
    QueuedStep(int inFlightSlot, int nextSlot, int maxRows) {
        this.inFlightSlot = inFlightSlot;
        this.nextSlot = nextSlot;
        this.maxRows = maxRows;
        rowOf = new int[maxRows];
        slots = new int[maxRows];
        tops = new int[maxRows];
        isFiltered = new boolean[maxRows];
    }

    void number(int value) {
        number = value;
    }

    /**
     * Lists the sampled rows of a batch and takes their slots.
     *
     * @throws IllegalArgumentException a row has more than one sample: slots hold the last token
     *     alone
     */
    public void plan(StepBatch batch, SampleSlots from) {
        tokens = batch.tokens;
        rows = batch.rows;
        sampled = 0;
        filtered = 0;
        withLogprobs = 0;
        masked = 0;
        onFastPath = 0;
        lastSamples = 0;
        from.begin();
        for (int row = 0; row < rows; row++) {
            SamplingRow sampling = batch.sampling[row];
            int last = batch.rowStart[row + 1] - 1;
            boolean isLastSample = batch.tokenIds[last] == StepBatch.LAST_SAMPLE;
            if (batch.samples(row) > 1) {
                throw new IllegalArgumentException(
                        "Row %d has %d samples; on a GPU a row has at most one."
                                .formatted(row, batch.samples(row)));
            }
            if (isLastSample && (sampling == null || last != batch.rowStart[row])) {
                throw new IllegalArgumentException(
                        "A row whose token the device sampled has one token, and is sampled.");
            }
            if (sampling == null) {
                continue;
            }
            rowOf[sampled] = row;
            slots[sampled] = from.take(sampling, isLastSample);
            lastSamples += isLastSample ? 1 : 0;
            tops[sampled] = sampling.parameters.logprobs();
            isFiltered[sampled] = from.isFiltered(slots[sampled]);
            filtered += isFiltered[sampled] ? 1 : 0;
            boolean logprobs = sampling.features.logprobs();
            withLogprobs += logprobs ? 1 : 0;
            masked += sampling.features.masked() ? 1 : 0;
            boolean fast = from.takesFastPath(slots[sampled], batch.positions[last] + 1);
            onFastPath += fast && !logprobs ? 1 : 0;
            sampled++;
        }
    }

    /**
     * Writes SampleStep of {@code sample_params.h}.
     *
     * @param blockWords words of block ids that the next step is likely to have at the most
     */
    void write(StepBatch batch, int blockWords, IntBuffer to, int at) {
        to.put(at, sampled).put(at + 1, filtered).put(at + 2, withLogprobs);
        to.put(at + 3, number).put(at + 4, inFlightSlot);
        to.put(at + 5, nextSlot).put(at + 6, blockWords).put(at + 7, 0);
        int table = at + SampleLaunches.STEP_HEADER;
        int nextFiltered = table + 2 * maxRows;
        int nextLogprobs = table + 3 * maxRows;
        for (int i = 0; i < sampled; i++) {
            int last = batch.rowStart[rowOf[i] + 1] - 1;
            to.put(table + i, slots[i]);
            // The row's own position does not count tokens in flight.
            to.put(table + maxRows + i, batch.positions[last] + 1);
            if (isFiltered[i]) {
                to.put(nextFiltered++, i);
            }
            if (tops[i] >= 0) {
                to.put(nextLogprobs++, i);
            }
        }
    }

    public void output(StepOutput value) {
        output = value;
    }

    public StepOutput output() {
        return output;
    }

    /** The step's number, from 1 on; it wraps where an int overflows. */
    int number() {
        return number;
    }

    /** Index among the steps that can be in flight. */
    public int inFlightSlot() {
        return inFlightSlot;
    }

    /** Number of sampled rows. */
    public int sampled() {
        return sampled;
    }

    /** Number of rows whose token an earlier step sampled and only the device knows. */
    public int lastSamples() {
        return lastSamples;
    }

    /** Number of filtered rows. */
    public int filtered() {
        return filtered;
    }

    /** Number of rows with a mask. */
    public int masked() {
        return masked;
    }

    /** Number of rows with log probabilities. */
    public int withLogprobs() {
        return withLogprobs;
    }

    /** Whether all sampled rows take the fast path, so that the head can sample. */
    public boolean takesFastPath() {
        return sampled > 0 && onFastPath == sampled;
    }

    public int slot(int index) {
        return slots[index];
    }

    /** Most likely tokens to report with a sample; -1: no log probabilities. */
    int top(int index) {
        return tops[index];
    }

    /** Display text. */
    @Override
    public String toString() {
        return "step %d of %d tokens in %d rows".formatted(number, tokens, rows);
    }
}
