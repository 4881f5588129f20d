package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts.Item;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts.State;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/** The tokens needed for the rest of an array, by the items read. */
final class ItemCosts {
    private final ArrayShape shape;
    private final ItemCounts counts;
    private final int comma;
    private final int close;

    /** Reachable states, those with the most items first; only with {@code contains}. */
    private List<State> states;

    ItemCosts(ArrayShape shape, ItemCounts counts, Spelling spelling) {
        this.shape = shape;
        this.counts = counts;
        comma = ValueCosts.of(spelling, ",");
        close = ValueCosts.of(spelling, "]");
    }

    /** The demands of the items whose costs this depends on. */
    Set<Integer> needed() {
        Set<Integer> needed = new LinkedHashSet<>();
        if (shape.contained().isEmpty()) {
            for (int i = 0; i < shape.least() && i <= shape.first().size(); i++) {
                needed.add(shape.item(i));
            }
        } else {
            for (State state : states()) {
                counts.items(state).forEach(item -> needed.add(item.demand()));
            }
        }
        return needed;
    }

    /** Tokens needed after the opening bracket. */
    int start(IntUnaryOperator value) {
        Map<State, Integer> after = shape.contained().isEmpty() ? null : after(value);
        return items(counts.start(), true, after, value);
    }

    /**
     * Tokens needed before an item.
     *
     * @param first whether it is the first item, so that the array can also end
     * @param after tokens needed after an item, by state; null without {@code contains}
     */
    int items(State state, boolean first, Map<State, Integer> after, IntUnaryOperator value) {
        int best = first && counts.isEnd(state) ? close : Spelling.NEVER;
        if (first && best < Spelling.NEVER) {
            return best;
        }
        for (Item item : counts.items(state)) {
            int rest =
                    after == null
                            ? after(item.next().index(), value)
                            : after.getOrDefault(item.next(), Spelling.NEVER);
            best = Math.min(best, Spelling.sum(value.applyAsInt(item.demand()), rest));
        }
        return best;
    }

    /** Tokens needed after a number of items, without {@code contains}. */
    int after(int items, IntUnaryOperator value) {
        int named = Math.min(shape.first().size(), shape.least());
        int from = Math.max(items, named);
        int cost = close;
        if (from < shape.least()) {
            int one = Spelling.sum(comma, value.applyAsInt(shape.rest()));
            cost = Spelling.sum(cost, Spelling.times((long) shape.least() - from, one));
        }
        for (int i = items; i < named; i++) {
            int one = Spelling.sum(comma, value.applyAsInt(shape.item(i)));
            cost = Spelling.sum(cost, one);
        }
        return cost;
    }

    /** Tokens needed after an item, by state, with {@code contains}. */
    Map<State, Integer> after(IntUnaryOperator value) {
        Map<State, Integer> after = new HashMap<>();
        for (State state : states()) {
            int best = counts.isEnd(state) ? close : Spelling.NEVER;
            for (Item item : counts.items(state)) {
                int one = Spelling.sum(comma, value.applyAsInt(item.demand()));
                int rest = after.getOrDefault(item.next(), Spelling.NEVER);
                best = Math.min(best, Spelling.sum(one, rest));
            }
            after.put(state, best);
        }
        return after;
    }

    /** In an order in which an item leads to an earlier state or to the same one. */
    private List<State> states() {
        if (states == null) {
            Set<State> reached = new LinkedHashSet<>(List.of(counts.start()));
            List<State> queue = new ArrayList<>(reached);
            for (int i = 0; i < queue.size(); i++) {
                for (Item item : counts.items(queue.get(i))) {
                    if (reached.add(item.next())) {
                        queue.add(item.next());
                    }
                }
            }
            Comparator<State> fewer =
                    Comparator.comparingInt(State::index)
                            .thenComparingInt(s -> s.contained().stream().mapToInt(i -> i).sum());
            queue.sort(fewer.reversed());
            states = queue;
        }
        return states;
    }
}
