package io.millrace.gpu.schedule;

import java.util.Arrays;

/**
 * What one step computes: so many of the next tokens of these sequences, and after how many of them
 * a token is drawn. Reused.
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

    /** Which of the scheduler's plans this is, from 0 on: no two in flight are the same. */
    public int slot() {
        return slot;
    }

    public int rows() {
        return rows;
    }

    /** Tokens of all rows together. */
    public int tokens() {
        return tokens;
    }

    public Sequence sequence(int row) {
        return sequences[row];
    }

    /** How many tokens of this row. */
    public int count(int row) {
        return counts[row];
    }

    /** Position of the row's first token. */
    public int position(int row) {
        return positions[row];
    }

    /**
     * After how many of the row's tokens, its last ones, a token is drawn: 1 if its last token is
     * the sequence's last one, else 0.
     */
    public int samples(int row) {
        return samples[row];
    }

    /** The first of the row's samples among those of the step. */
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
}
