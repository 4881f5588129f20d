package io.millrace.gpu.sampling.grammar.automaton;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The product of two automata: intersection, union or difference of their sets. */
final class DfaProduct {
    enum Operation {
        AND,
        OR,
        MINUS
    }

    private final CharDfa a;
    private final CharDfa b;
    private final Operation operation;
    private final Budget budget;
    private final Map<Long, Integer> numbers = new HashMap<>();
    private long[] pairs = new long[16];

    private DfaProduct(CharDfa a, CharDfa b, Operation operation, Budget budget) {
        this.a = a;
        this.b = b;
        this.operation = operation;
        this.budget = budget;
    }

    /**
     * @throws AutomatonTooLargeException the budget is exceeded
     */
    static CharDfa of(CharDfa a, CharDfa b, Operation operation, Budget budget) {
        return new DfaProduct(a, b, operation, budget).build();
    }

    private CharDfa build() {
        DfaBuilder rows = new DfaBuilder(16);
        number(0, 0);
        for (int i = 0; i < numbers.size(); i++) {
            int s = (int) (pairs[i] >> 32);
            int t = (int) pairs[i];
            addRow(rows, s, t);
            boolean inA = s >= 0 && a.accepts(s);
            boolean inB = t >= 0 && b.accepts(t);
            rows.end(
                    switch (operation) {
                        case AND -> inA && inB;
                        case OR -> inA || inB;
                        case MINUS -> inA && !inB;
                    });
        }
        return rows.build(budget);
    }

    private void addRow(DfaBuilder rows, int s, int t) {
        int i = 0;
        int j = 0;
        int from = 0;
        while (from <= CharSet.LARGEST) {
            budget.spend(2);
            int lastA = s < 0 ? CharSet.LARGEST : a.last(s, i);
            int lastB = t < 0 ? CharSet.LARGEST : b.last(t, j);
            int last = Math.min(lastA, lastB);
            int nextA = s < 0 ? CharDfa.DEAD : a.target(s, i);
            int nextB = t < 0 ? CharDfa.DEAD : b.target(t, j);
            int target = number(nextA, nextB);
            if (target >= 0) {
                rows.add(from, last, target);
            }
            i += lastA == last ? 1 : 0;
            j += lastB == last ? 1 : 0;
            from = last + 1;
        }
    }

    private int number(int s, int t) {
        boolean dead =
                switch (operation) {
                    case AND -> s < 0 || t < 0;
                    case OR -> s < 0 && t < 0;
                    case MINUS -> s < 0;
                };
        if (dead) {
            return CharDfa.DEAD;
        }
        long pair = (long) s << 32 | t & 0xFFFFFFFFL;
        int fresh = numbers.size();
        Integer known = numbers.putIfAbsent(pair, fresh);
        if (known != null) {
            return known;
        }
        if (fresh >= budget.states()) {
            throw new AutomatonTooLargeException(budget.states());
        }
        if (fresh == pairs.length) {
            pairs = Arrays.copyOf(pairs, 2 * fresh);
        }
        pairs[fresh] = pair;
        return fresh;
    }
}
