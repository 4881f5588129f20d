package io.millrace.gpu.schedule;

import java.util.Arrays;

/**
 * The work of one step: for each sequence, the number of its next tokens to compute and of tokens
 * to sample. Behind a sequence's last known token there may be drafts, guesses of the tokens to
 * come: one more sample each. Reused.
 */
public final class StepPlan {
    private final int slot;
    private final Sequence[] sequences;
    private final int[] counts;
    private final int[] positions;
    private final int[] samples;
    private final int[] firstSamples;
    private int rows;
    private int tokens;
    private int sampled;

    StepPlan(int slot, int maxRows) {
        this.slot = slot;
        sequences = new Sequence[maxRows];
        counts = new int[maxRows];
        positions = new int[maxRows];
        samples = new int[maxRows];
        firstSamples = new int[maxRows];
    }

    /** Index among the scheduler's plans: no two plans in flight share it. */
    public int slot() {
        return slot;
    }

    public int rows() {
        return rows;
    }

    /** Tokens of all rows. */
    public int tokens() {
        return tokens;
    }

    public Sequence sequence(int row) {
        return sequences[row];
    }

    /** Tokens of a row, drafts included. */
    public int count(int row) {
        return counts[row];
    }

    /** Position of the row's first token. */
    public int position(int row) {
        return positions[row];
    }

    /**
     * Number of the row's last tokens after which a token is sampled: if it has the sequence's last
     * known token, this one and its drafts, otherwise 0.
     */
    public int samples(int row) {
        return samples[row];
    }

    /** Number of a row's last tokens that are drafts. */
    public int drafts(int row) {
        return Math.max(0, samples[row] - 1);
    }

    /** Samples of all rows. */
    int samples() {
        return sampled;
    }

    /** Index of the row's first sample among those of the step. */
    public int firstSample(int row) {
        return firstSamples[row];
    }

    void clear() {
        Arrays.fill(sequences, 0, rows, null);
        rows = 0;
        tokens = 0;
        sampled = 0;
    }

    void add(Sequence sequence, int count) {
        sequences[rows] = sequence;
        counts[rows] = count;
        positions[rows] = sequence.planned();
        samples[rows] = sequence.launch(count);
        firstSamples[rows] = sampled;
        sampled += samples[rows];
        rows++;
        tokens += count;
    }

    /** Appends drafts to a row that is sampled. */
    void addDrafts(int row, int count) {
        sequences[row].launchDrafts(count);
        counts[row] += count;
        samples[row] += count;
        for (int later = row + 1; later < rows; later++) {
            firstSamples[later] += count;
        }
        sampled += count;
        tokens += count;
    }
}
