package io.millrace.gpu.schedule;

/** A sequence of given prompt tokens that goes on with tokens made of its name and position. */
final class TestingSequence extends Sequence {
    private final int[] prompt;
    private final boolean runsAhead;

    TestingSequence(SequenceGroup group, int index, int[] prompt, int limit, boolean runsAhead) {
        super(group, index, prompt.length, limit);
        this.prompt = prompt;
        this.runsAhead = runsAhead;
    }

    @Override
    protected boolean runsAhead() {
        return runsAhead;
    }

    int token(int position) {
        return position < prompt.length
                ? prompt[position]
                : (int) (100_000 * group().arrival() + 10_000 * index() + position);
    }

    @Override
    protected void copyTokens(int from, int count, int[] target, int offset) {
        if (from + count > total()) {
            throw new AssertionError("token " + (from + count) + " of " + total());
        }
        for (int i = 0; i < count; i++) {
            target[offset + i] = token(from + i);
        }
    }
}
