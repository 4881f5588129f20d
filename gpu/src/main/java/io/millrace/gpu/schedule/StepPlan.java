package io.millrace.gpu.schedule;

import java.util.Arrays;

/** What one step computes: so many of the next tokens of these sequences. Reused. */
public final class StepPlan {
    private final int slot;
    private final Sequence[] sequences;
    private final int[] counts;
    private final int[] positions;
    private final boolean[] draws;
    private int rows;
    private int tokens;

    StepPlan(int slot, int maxRows) {
        this.slot = slot;
        sequences = new Sequence[maxRows];
        counts = new int[maxRows];
        positions = new int[maxRows];
        draws = new boolean[maxRows];
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

    /** Whether the row's last token is the sequence's last one, so that the next is drawn. */
    public boolean draws(int row) {
        return draws[row];
    }

    void clear() {
        Arrays.fill(sequences, 0, rows, null);
        rows = 0;
        tokens = 0;
    }

    void add(Sequence sequence, int count) {
        sequences[rows] = sequence;
        counts[rows] = count;
        positions[rows] = sequence.planned();
        draws[rows] = sequence.launch(count);
        rows++;
        tokens += count;
    }
}
