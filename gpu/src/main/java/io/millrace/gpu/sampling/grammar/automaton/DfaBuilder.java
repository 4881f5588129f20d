package io.millrace.gpu.sampling.grammar.automaton;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects the rows of an automaton, state by state. Then removes states that reach no accepting
 * one and, if that is cheap, merges equivalent states.
 */
public final class DfaBuilder {
    /** Maximum states of an automaton that is minimized: the time grows with their square. */
    private static final int MAX_JOINED = 400;

    /** Maximum ranges compared by minimization. */
    private static final long MAX_WORK = 1_000_000;

    private final List<int[]> starts;
    private final List<int[]> targets;
    private final BitSet accepting = new BitSet();
    private int[] rowStarts = new int[8];
    private int[] rowTargets = new int[8];
    private int size;
    private int next;

    /**
     * @param states expected number of states
     */
    public DfaBuilder(int states) {
        starts = new ArrayList<>(states);
        targets = new ArrayList<>(states);
    }

    /** Adds a range to the current row, in ascending order. */
    public void add(int first, int last, int target) {
        if (first > next) {
            put(next, CharDfa.DEAD);
        }
        put(first, target);
        next = last + 1;
    }

    private void put(int start, int target) {
        if (size > 0 && rowTargets[size - 1] == target) {
            return;
        }
        if (size == rowStarts.length) {
            rowStarts = Arrays.copyOf(rowStarts, 2 * size);
            rowTargets = Arrays.copyOf(rowTargets, 2 * size);
        }
        rowStarts[size] = start;
        rowTargets[size++] = target;
    }

    /** Ends the current row. */
    public void end(boolean accepts) {
        if (next <= CharSet.LARGEST) {
            put(next, CharDfa.DEAD);
        }
        accepting.set(starts.size(), accepts);
        starts.add(Arrays.copyOf(rowStarts, size));
        targets.add(Arrays.copyOf(rowTargets, size));
        size = 0;
        next = 0;
    }

    /**
     * Builds the automaton; state 0 is the first row.
     *
     * @throws AutomatonTooLargeException the budget is exceeded
     */
    public CharDfa build(Budget budget) {
        BitSet live = live();
        int[] classes = starts.size() <= MAX_JOINED ? classes(live, budget) : apart(live);
        if (classes[0] == CharDfa.DEAD) {
            return empty();
        }
        int count = Arrays.stream(classes).max().getAsInt() + 1;
        int[] representative = new int[count];
        Arrays.fill(representative, -1);
        for (int s = classes.length - 1; s >= 0; s--) {
            if (classes[s] >= 0) {
                representative[classes[s]] = s;
            }
        }
        // Number states in the order of a search, so that equal sets have equal automata.
        int[] number = new int[count];
        Arrays.fill(number, -1);
        int[] order = new int[count];
        int known = 0;
        order[known] = classes[0];
        number[classes[0]] = known++;
        for (int i = 0; i < known; i++) {
            for (int target : targets.get(representative[order[i]])) {
                int c = target < 0 ? -1 : classes[target];
                if (c >= 0 && number[c] < 0) {
                    order[known] = c;
                    number[c] = known++;
                }
            }
        }
        return renumbered(classes, representative, order, number, known);
    }

    private CharDfa renumbered(
            int[] classes, int[] representative, int[] order, int[] number, int known) {
        int[][] newStarts = new int[known][];
        int[][] newTargets = new int[known][];
        boolean[] newAccepting = new boolean[known];
        for (int i = 0; i < known; i++) {
            int state = representative[order[i]];
            int[] from = starts.get(state);
            int[] to = targets.get(state);
            size = 0;
            for (int r = 0; r < from.length; r++) {
                int c = to[r] < 0 ? -1 : classes[to[r]];
                put(from[r], c < 0 ? CharDfa.DEAD : number[c]);
            }
            newStarts[i] = Arrays.copyOf(rowStarts, size);
            newTargets[i] = Arrays.copyOf(rowTargets, size);
            newAccepting[i] = accepting.get(state);
        }
        return new CharDfa(newStarts, newTargets, newAccepting);
    }

    /** The automaton of the empty set. */
    static CharDfa empty() {
        return new CharDfa(new int[][] {{0}}, new int[][] {{CharDfa.DEAD}}, new boolean[1]);
    }

    /** The states that reach an accepting one. */
    private BitSet live() {
        int n = starts.size();
        int[] heads = new int[n + 1];
        for (int[] row : targets) {
            for (int t : row) {
                if (t >= 0) {
                    heads[t + 1]++;
                }
            }
        }
        for (int i = 0; i < n; i++) {
            heads[i + 1] += heads[i];
        }
        int[] sources = new int[heads[n]];
        int[] fill = heads.clone();
        for (int s = 0; s < n; s++) {
            for (int t : targets.get(s)) {
                if (t >= 0) {
                    sources[fill[t]++] = s;
                }
            }
        }
        BitSet live = new BitSet(n);
        int[] queue = new int[n];
        int end = 0;
        for (int s = accepting.nextSetBit(0); s >= 0; s = accepting.nextSetBit(s + 1)) {
            live.set(s);
            queue[end++] = s;
        }
        for (int i = 0; i < end; i++) {
            for (int k = heads[queue[i]]; k < heads[queue[i] + 1]; k++) {
                if (!live.get(sources[k])) {
                    live.set(sources[k]);
                    queue[end++] = sources[k];
                }
            }
        }
        return live;
    }

    private int[] apart(BitSet live) {
        int[] classes = new int[starts.size()];
        int count = 0;
        for (int s = 0; s < classes.length; s++) {
            classes[s] = live.get(s) ? count++ : -1;
        }
        return classes;
    }

    /** Equivalence class of each state (Moore's algorithm); -1 for a dead state. */
    private int[] classes(BitSet live, Budget budget) {
        int n = starts.size();
        int[] classes = new int[n];
        int count = 0;
        for (int s = 0; s < n; s++) {
            classes[s] = !live.get(s) ? -1 : accepting.get(s) ? 1 : 0;
        }
        Map<Signature, Integer> numbers = new HashMap<>();
        long ranges = starts.stream().mapToLong(row -> row.length).sum();
        for (long work = 0; ; work += ranges) {
            budget.spend(ranges);
            if (work > MAX_WORK) {
                return apart(live);
            }
            numbers.clear();
            int[] refined = new int[n];
            for (int s = 0; s < n; s++) {
                refined[s] = -1;
                if (classes[s] >= 0) {
                    int fresh = numbers.size();
                    Integer known = numbers.putIfAbsent(signature(s, classes), fresh);
                    refined[s] = known == null ? fresh : known;
                }
            }
            classes = refined;
            if (numbers.size() == count) {
                return classes;
            }
            count = numbers.size();
        }
    }

    private Signature signature(int state, int[] classes) {
        int[] from = starts.get(state);
        int[] to = targets.get(state);
        int[] content = new int[2 * from.length + 1];
        int length = 0;
        content[length++] = classes[state];
        int last = Integer.MIN_VALUE;
        for (int i = 0; i < from.length; i++) {
            int target = to[i] < 0 ? -1 : classes[to[i]];
            if (target != last) {
                content[length++] = from[i];
                content[length++] = target;
                last = target;
            }
        }
        return new Signature(Arrays.copyOf(content, length));
    }

    private record Signature(int[] content) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Signature signature
                    && Arrays.equals(content, signature.content);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(content);
        }
    }
}
