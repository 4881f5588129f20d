package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.IntBuffer;

/**
 * One step from its launch to its completion: what the host has to know of it once the batch is
 * another's. Reused.
 */
public final class QueuedStep {
    private final int maxRows;
    private final int place;

    /** By sample: the batch's row, the slot, log probabilities wanted (-1 for none). */
    private final int[] rowOf;

    private final int[] slots;
    private final int[] tops;
    private final boolean[] isGeneral;

    private int number;
    private int tokens;
    private int rows;
    private int sampled;
    private int general;
    private int asked;
    private int plain;
    private int drawn;
    private StepOutput output;

    /**
     * @param place among those that can be in flight
     */
    QueuedStep(int place, int maxRows) {
        this.place = place;
        this.maxRows = maxRows;
        rowOf = new int[maxRows];
        slots = new int[maxRows];
        tops = new int[maxRows];
        isGeneral = new boolean[maxRows];
    }

    void number(int value) {
        number = value;
    }

    /**
     * Which of its rows are drawn for, and how; takes their slots.
     *
     * @throws IllegalArgumentException a row has more than one sample: slots hold the last token
     *     alone
     */
    public void plan(StepBatch batch, SampleSlots from) {
        tokens = batch.tokens;
        rows = batch.rows;
        sampled = 0;
        general = 0;
        asked = 0;
        plain = 0;
        drawn = 0;
        from.begin();
        for (int row = 0; row < rows; row++) {
            SamplingRow sampling = batch.sampling[row];
            int last = batch.rowStart[row + 1] - 1;
            boolean isDrawn = batch.tokenIds[last] == StepBatch.DRAWN;
            if (batch.samples(row) > 1) {
                throw new IllegalArgumentException(
                        "Row %d has %d samples; on a GPU a row has at most one."
                                .formatted(row, batch.samples(row)));
            }
            if (isDrawn && (sampling == null || last != batch.rowStart[row])) {
                throw new IllegalArgumentException(
                        "A row whose token was drawn has one token, and is sampled.");
            }
            if (sampling == null) {
                continue;
            }
            rowOf[sampled] = row;
            slots[sampled] = from.take(sampling, isDrawn);
            drawn += isDrawn ? 1 : 0;
            tops[sampled] = sampling.parameters.logprobs();
            isGeneral[sampled] = from.isGeneral(slots[sampled]);
            general += isGeneral[sampled] ? 1 : 0;
            boolean logprobs = sampling.features.logprobs();
            asked += logprobs ? 1 : 0;
            plain += !logprobs && from.isPlain(slots[sampled], batch.positions[last] + 1) ? 1 : 0;
            sampled++;
        }
    }

    /** Writes SampleStep of {@code sample_params.h}. */
    void write(StepBatch batch, IntBuffer to, int at) {
        to.put(at, sampled).put(at + 1, general).put(at + 2, asked);
        to.put(at + 3, number).put(at + 4, place);
        to.put(at + 5, 0).put(at + 6, 0).put(at + 7, 0);
        int table = at + SampleLaunches.STEP_HEADER;
        int nextGeneral = table + 2 * maxRows;
        int nextAsked = table + 3 * maxRows;
        for (int i = 0; i < sampled; i++) {
            int last = batch.rowStart[rowOf[i] + 1] - 1;
            to.put(table + i, slots[i]);
            // Not the row's own position, which lags behind while tokens are in flight.
            to.put(table + maxRows + i, batch.positions[last] + 1);
            if (isGeneral[i]) {
                to.put(nextGeneral++, i);
            }
            if (tops[i] >= 0) {
                to.put(nextAsked++, i);
            }
        }
    }

    public void output(StepOutput value) {
        output = value;
    }

    public StepOutput output() {
        return output;
    }

    /** Of all steps, from 1 on; after so many that an int overflows, from the other end. */
    int number() {
        return number;
    }

    public int place() {
        return place;
    }

    /** Samples: rows that are drawn for. */
    public int sampled() {
        return sampled;
    }

    /** Those of them whose token the step before drew. */
    public int drawn() {
        return drawn;
    }

    /** Those of them that take more than one look at each logit. */
    public int general() {
        return general;
    }

    /** Those of them that asked for log probabilities. */
    public int asked() {
        return asked;
    }

    /** Whether the head can draw for all of them: each logit is looked at once, and only there. */
    public boolean isPlain() {
        return sampled > 0 && plain == sampled;
    }

    public int slot(int index) {
        return slots[index];
    }

    /** Log probabilities of other tokens that a sample wants; -1 if not its own either. */
    int top(int index) {
        return tops[index];
    }

    /** For people. */
    @Override
    public String toString() {
        return "step %d of %d tokens in %d rows".formatted(number, tokens, rows);
    }
}
