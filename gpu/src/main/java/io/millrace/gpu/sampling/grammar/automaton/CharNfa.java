package io.millrace.gpu.sampling.grammar.automaton;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Builds a nondeterministic finite automaton over Unicode characters. An epsilon transition can be
 * limited to the beginning or the end of the text.
 */
public final class CharNfa {
    /** Where an epsilon transition may be taken. */
    public enum Where {
        ANYWHERE,
        AT_START,
        AT_END
    }

    /** Maximum states, as a multiple of those of a deterministic automaton. */
    private static final int FACTOR = 8;

    /** Steps per word of a set of states. */
    private static final long WORD_STEPS = 4;

    /** Steps per state. */
    private static final int STATE_STEPS = 20;

    private record Edge(CharSet characters, int to) {}

    private record Jump(Where where, int to) {}

    private final List<List<Edge>> edges = new ArrayList<>();
    private final List<List<Jump>> jumps = new ArrayList<>();
    private final BitSet accepting = new BitSet();
    private final Budget budget;

    public CharNfa(Budget budget) {
        this.budget = budget;
        state();
    }

    public int start() {
        return 0;
    }

    /**
     * Adds a state.
     *
     * @throws AutomatonTooLargeException the maximum is reached
     */
    public int state() {
        if (edges.size() / FACTOR >= budget.states()) {
            throw new AutomatonTooLargeException(budget.states());
        }
        budget.spend(STATE_STEPS);
        edges.add(new ArrayList<>(2));
        jumps.add(new ArrayList<>(2));
        return edges.size() - 1;
    }

    public void edge(int from, CharSet characters, int to) {
        budget.spend(1);
        if (!characters.isEmpty()) {
            edges.get(from).add(new Edge(characters, to));
        }
    }

    public void jump(int from, Where where, int to) {
        budget.spend(1);
        jumps.get(from).add(new Jump(where, to));
    }

    public void accept(int state) {
        accepting.set(state);
    }

    /** Adds a copy of an automaton between two states. */
    public void embed(int from, CharDfa dfa, int to) {
        int first = edges.size();
        for (int i = 0; i < dfa.states(); i++) {
            state();
        }
        jump(from, Where.ANYWHERE, first);
        for (int s = 0; s < dfa.states(); s++) {
            for (int r = 0; r < dfa.ranges(s); r++) {
                if (dfa.target(s, r) != CharDfa.DEAD) {
                    CharSet set = CharSet.of(dfa.first(s, r), dfa.last(s, r));
                    edge(first + s, set, first + dfa.target(s, r));
                }
            }
            if (dfa.accepts(s)) {
                jump(first + s, Where.ANYWHERE, to);
            }
        }
    }

    /**
     * The deterministic automaton of the same set of texts (subset construction).
     *
     * @throws AutomatonTooLargeException the budget is exceeded
     */
    public CharDfa determinize() {
        Map<BitSet, Integer> numbers = new HashMap<>();
        List<BitSet> sets = new ArrayList<>();
        BitSet first = new BitSet();
        close(first, start(), Where.AT_START);
        number(numbers, sets, first);
        DfaBuilder rows = new DfaBuilder(16);
        for (int i = 0; i < sets.size(); i++) {
            BitSet set = sets.get(i);
            addRow(rows, set, numbers, sets);
            rows.end(accepts(set));
        }
        return rows.build(budget);
    }

    private void addRow(
            DfaBuilder rows, BitSet set, Map<BitSet, Integer> numbers, List<BitSet> sets) {
        List<Edge> leaving = new ArrayList<>();
        set.stream().forEach(s -> leaving.addAll(edges.get(s)));
        int[] cuts =
                leaving.stream()
                        .map(Edge::characters)
                        .distinct()
                        .flatMapToInt(CharNfa::cuts)
                        .sorted()
                        .distinct()
                        .toArray();
        for (int i = 0; i + 1 < cuts.length; i++) {
            budget.spend(3L * leaving.size());
            BitSet target = new BitSet();
            for (Edge edge : leaving) {
                if (edge.characters.contains(cuts[i])) {
                    close(target, edge.to, Where.ANYWHERE);
                }
            }
            if (!target.isEmpty()) {
                rows.add(cuts[i], cuts[i + 1] - 1, number(numbers, sets, target));
            }
        }
    }

    private static java.util.stream.IntStream cuts(CharSet set) {
        int[] cuts = new int[2 * set.ranges()];
        for (int i = 0; i < set.ranges(); i++) {
            cuts[2 * i] = set.first(i);
            cuts[2 * i + 1] = set.last(i) + 1;
        }
        return Arrays.stream(cuts);
    }

    private int number(Map<BitSet, Integer> numbers, List<BitSet> sets, BitSet set) {
        // Charge for the words of the set, which limits the memory of all sets.
        budget.spend(WORD_STEPS * (set.length() / 64 + 1));
        int fresh = sets.size();
        Integer known = numbers.putIfAbsent(set, fresh);
        if (known != null) {
            return known;
        }
        if (fresh >= budget.states()) {
            throw new AutomatonTooLargeException(budget.states());
        }
        sets.add(set);
        return fresh;
    }

    /** Adds the epsilon closure of a state, without transitions at the end of the text. */
    private void close(BitSet set, int state, Where where) {
        int[] stack = new int[8];
        int size = 0;
        stack[size++] = state;
        while (size > 0) {
            int s = stack[--size];
            if (set.get(s)) {
                continue;
            }
            budget.spend(4L + jumps.get(s).size());
            set.set(s);
            for (Jump jump : jumps.get(s)) {
                boolean free = jump.where == Where.ANYWHERE || jump.where == where;
                if (free && !set.get(jump.to)) {
                    if (size == stack.length) {
                        stack = Arrays.copyOf(stack, 2 * size);
                    }
                    stack[size++] = jump.to;
                }
            }
        }
    }

    /** Whether one of these states accepts at the end of the text. */
    private boolean accepts(BitSet set) {
        if (set.intersects(accepting)) {
            return true;
        }
        // The empty text is at its start and its end at once, so transitions of either kind may
        // follow each other.
        boolean empty = set.get(start());
        BitSet seen = new BitSet();
        for (int s = set.nextSetBit(0); s >= 0; s = set.nextSetBit(s + 1)) {
            if (reachesEnd(s, empty, seen)) {
                return true;
            }
        }
        return false;
    }

    private boolean reachesEnd(int state, boolean atStart, BitSet seen) {
        int[] stack = new int[8];
        int size = 0;
        stack[size++] = state;
        while (size > 0) {
            int s = stack[--size];
            if (seen.get(s)) {
                continue;
            }
            budget.spend(1);
            seen.set(s);
            if (accepting.get(s)) {
                return true;
            }
            for (Jump jump : jumps.get(s)) {
                if (jump.where != Where.AT_START || atStart) {
                    if (size == stack.length) {
                        stack = Arrays.copyOf(stack, 2 * size);
                    }
                    stack[size++] = jump.to;
                }
            }
        }
        return false;
    }
}
