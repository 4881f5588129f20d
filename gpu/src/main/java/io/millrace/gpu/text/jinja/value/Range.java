package io.millrace.gpu.text.jinja.value;

import java.util.AbstractList;
import java.util.RandomAccess;

/** Python's range: the numbers from a start towards a stop, without the stop. */
public final class Range extends AbstractList<Value> implements RandomAccess {
    private final long start;
    private final long stop;
    private final long step;
    private final int size;

    public Range(long start, long stop, long step, Sandbox sandbox) {
        this.start = start;
        this.stop = stop;
        this.step = step;
        long distance = step > 0 ? stop - start : start - stop;
        long count = distance <= 0 ? 0 : (distance - 1) / Math.abs(step) + 1;
        sandbox.elements(count);
        this.size = (int) count;
    }

    /** A slice of the numbers, with a step. */
    Range slice(int from, int to, int every, Sandbox sandbox) {
        return new Range(start + from * step, start + to * step, step * every, sandbox);
    }

    @Override
    public Value get(int index) {
        java.util.Objects.checkIndex(index, size);
        return Value.of(start + index * step);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public String toString() {
        return "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")";
    }
}
