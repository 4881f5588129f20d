package io.millrace.gpu.sampling.grammar.position;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The edges of a {@link Position}: ranges of bytes, calls, and the end of the value. */
public final class Edges {
    private int[] ranges = new int[4];
    private Position[] targets = new Position[4];
    private int size;
    private final List<Position> callees = new ArrayList<>(1);
    private final List<Position> returns = new ArrayList<>(1);
    private boolean end;
    private int held;
    private int width;

    void add(int first, int last, Position target) {
        if (size == ranges.length) {
            ranges = Arrays.copyOf(ranges, 2 * size);
            targets = Arrays.copyOf(targets, 2 * size);
        }
        width += last - first + 1;
        ranges[size] = first << 8 | last;
        targets[size++] = target;
    }

    void add(int value, Position target) {
        add(value, value, target);
    }

    /** Adds a value that may be entered, and its return position. */
    void call(Position callee, Position back) {
        callees.add(callee);
        returns.add(back);
    }

    void end() {
        end = true;
    }

    /** Counts ranges of bytes of the positions that these edges lead to. */
    void hold(int ranges) {
        held += ranges;
    }

    /** Estimated bytes of the edges and of the positions created with them. */
    public long bytes() {
        return 64L * (size + held) + 200L * callees.size();
    }

    /** Number of bytes, summed over all ranges. */
    public int width() {
        return width;
    }

    /** Number of ranges of bytes. */
    public int size() {
        return size;
    }

    public int first(int range) {
        return ranges[range] >> 8;
    }

    public int last(int range) {
        return ranges[range] & 0xFF;
    }

    public Position target(int range) {
        return targets[range];
    }

    public int calls() {
        return callees.size();
    }

    public Position callee(int call) {
        return callees.get(call);
    }

    public Position back(int call) {
        return returns.get(call);
    }

    public boolean isEnd() {
        return end;
    }

    /** Whether the value must end here. */
    public boolean isOnlyEnd() {
        return end && size == 0 && callees.isEmpty();
    }
}
