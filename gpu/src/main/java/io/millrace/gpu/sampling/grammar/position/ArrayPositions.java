package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts.Item;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts.State;
import java.util.HashMap;
import java.util.Map;

/** The positions within an array, between its items. */
final class ArrayPositions {
    private final Positions positions;
    private final ItemCounts counts;
    private final ItemCosts costs;
    private final boolean contains;
    private final Map<State, Position> ends = new HashMap<>();

    /** Tokens needed after an item, by state; only if items are counted by {@code contains}. */
    private Map<State, Integer> after;

    ArrayPositions(Positions positions, ArrayShape shape, ItemCounts counts) {
        this.positions = positions;
        this.counts = counts;
        costs = new ItemCosts(shape, counts, positions.spelling());
        contains = !shape.contained().isEmpty();
    }

    ItemCosts costs() {
        return costs;
    }

    boolean mayBeEmpty() {
        return counts.isEnd(counts.start());
    }

    private Map<State, Integer> after() {
        if (contains && after == null) {
            after = costs.after(positions::cost);
        }
        return after;
    }

    private void forgetAll() {
        ends.clear();
        positions.forget();
    }

    /** After the opening bracket. */
    Position start() {
        return new ItemPosition(counts.start(), true);
    }

    private Position end(State state) {
        return ends.computeIfAbsent(state, ItemEndPosition::new);
    }

    /** Before an item. */
    private final class ItemPosition extends Position {
        private final State state;
        private final boolean first;

        ItemPosition(State state, boolean first) {
            this.state = state;
            this.first = first;
        }

        @Override
        void forget() {
            forgetAll();
        }

        @Override
        int fewestTokens() {
            return costs.items(state, first, after(), positions::cost);
        }

        @Override
        void addTo(Edges edges) {
            for (Item item : counts.items(state)) {
                edges.call(positions.value(item.demand()), end(item.next()));
            }
            if (first && counts.isEnd(state)) {
                edges.add(']', EndPosition.END);
            }
        }
    }

    /** After an item. */
    private final class ItemEndPosition extends Position {
        private final State state;

        ItemEndPosition(State state) {
            this.state = state;
        }

        @Override
        void forget() {
            forgetAll();
        }

        @Override
        int fewestTokens() {
            return contains ? after().get(state) : costs.after(state.index(), positions::cost);
        }

        @Override
        void addTo(Edges edges) {
            if (!counts.items(state).isEmpty()) {
                edges.add(',', new SpacePosition(new ItemPosition(state, false)));
            }
            if (counts.isEnd(state)) {
                edges.add(']', EndPosition.END);
            }
        }
    }
}
