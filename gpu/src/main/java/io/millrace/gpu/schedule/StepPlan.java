package io.millrace.gpu.schedule;

import java.util.Arrays;

/** What one step computes: so many of the next tokens of these sequences. Reused. */
public final class StepPlan {
    private final Sequence[] sequences;
    private final int[] counts;
    private int rows;
    private int tokens;

    StepPlan(int maxRows) {
        sequences = new Sequence[maxRows];
        counts = new int[maxRows];
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

    /** How many tokens of this row, from {@link Sequence#computed} on. */
    public int count(int row) {
        return counts[row];
    }

    void clear() {
        Arrays.fill(sequences, 0, rows, null);
        rows = 0;
        tokens = 0;
    }

    void add(Sequence sequence, int count) {
        sequences[rows] = sequence;
        counts[rows] = count;
        rows++;
        tokens += count;
    }
}
