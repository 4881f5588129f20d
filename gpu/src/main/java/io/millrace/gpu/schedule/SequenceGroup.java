package io.millrace.gpu.schedule;

import java.util.ArrayList;
import java.util.List;

/** The sequences of one request: completions of one prompt, which share the prompt's K/V. */
public final class SequenceGroup {
    private final int priority;
    private final long arrival;
    private final int promptLength;
    private final List<Sequence> sequences = new ArrayList<>();

    /**
     * @param priority lower ones are scheduled first
     * @param arrival orders groups of equal priority; unique
     * @param promptLength tokens of the shared prompt
     */
    public SequenceGroup(int priority, long arrival, int promptLength) {
        this.priority = priority;
        this.arrival = arrival;
        this.promptLength = promptLength;
    }

    void join(Sequence sequence) {
        sequences.add(sequence);
    }

    int priority() {
        return priority;
    }

    public long arrival() {
        return arrival;
    }

    public int promptLength() {
        return promptLength;
    }

    /** In order of index. */
    List<Sequence> sequences() {
        return sequences;
    }
}
