package io.millrace.gpu.sampling.grammar.shape;

import io.millrace.gpu.sampling.grammar.shape.ArrayShape.Contained;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * Finds the items that may follow in an array such that it can still be completed. Counts the items
 * that satisfy demands of {@code contains}, and the index as far as it matters.
 */
public final class ItemCounts {
    private static final int MAX_CONTAINED = 3;
    private static final int MAX_STATES = 20_000;

    private final ArrayShape shape;
    private final Literals literals;
    private final IntPredicate isPossible;

    /** Maximum of the index. */
    private final int last;

    private final Map<State, Boolean> ends = new HashMap<>();

    /**
     * The part of an array that was read.
     *
     * @param index number of items, at most {@link #last}
     * @param contained number of items that satisfy each contained demand
     */
    public record State(int index, List<Integer> contained) {}

    /** An item that may come next, and the state after it. */
    public record Item(int demand, State next) {}

    public ItemCounts(ArrayShape shape, Literals literals, IntPredicate isPossible) {
        this.shape = shape;
        this.literals = literals;
        this.isPossible = isPossible;
        if (shape.contained().size() > MAX_CONTAINED) {
            throw new SchemaException(
                    "contains",
                    "",
                    "more than " + MAX_CONTAINED + " apply to one array; use fewer");
        }
        int counts = Math.max(shape.first().size(), shape.least());
        last = shape.most() == ArrayShape.NO_LIMIT ? counts : shape.most();
    }

    public State start() {
        return new State(0, shape.contained().stream().map(c -> 0).toList());
    }

    public boolean isPossible() {
        return canEnd(start());
    }

    /** Whether the array may end here. */
    public boolean isEnd(State state) {
        if (state.index < shape.least() || state.index > shape.most()) {
            return false;
        }
        for (int i = 0; i < shape.contained().size(); i++) {
            if (state.contained.get(i) < shape.contained().get(i).least()) {
                return false;
            }
        }
        return true;
    }

    /** The items that may come next, each with the demands that it satisfies. */
    public List<Item> items(State state) {
        List<Item> items = new ArrayList<>();
        for (Item item : candidates(state)) {
            if (isPossible.test(item.demand) && canEnd(item.next)) {
                items.add(item);
            }
        }
        return items;
    }

    private List<Item> candidates(State state) {
        if (state.index >= shape.most()) {
            return List.of();
        }
        int item = shape.item(state.index);
        int sets = 1 << shape.contained().size();
        List<Item> items = new ArrayList<>(sets);
        for (int set = sets - 1; set >= 0; set--) {
            int demand = item;
            List<Integer> counts = new ArrayList<>(state.contained);
            boolean allowed = true;
            for (int i = 0; i < counts.size(); i++) {
                Contained contained = shape.contained().get(i);
                boolean limited = contained.most() < ArrayShape.NO_LIMIT;
                if ((set >> i & 1) != 0) {
                    demand = literals.and(demand, contained.demand());
                    int most = limited ? contained.most() + 1 : contained.least();
                    counts.set(i, Math.min(counts.get(i) + 1, most));
                    allowed &= counts.get(i) <= contained.most();
                } else if (limited) {
                    // With a maximum, an item that is not counted must not satisfy the demand.
                    demand = literals.and(demand, contained.contrary());
                }
            }
            if (allowed && demand != Literals.NOTHING) {
                int index = Math.min(state.index + 1, last);
                items.add(new Item(demand, new State(index, counts)));
            }
        }
        return items;
    }

    /** Whether the array can be completed from this state. */
    private boolean canEnd(State state) {
        if (shape.contained().isEmpty()) {
            return canReach(state.index);
        }
        Boolean known = ends.get(state);
        return known != null ? known : search(state);
    }

    /** Searches for a path to an end, without recursion: it can be as long as the array. */
    private boolean search(State start) {
        List<Step> way = new ArrayList<>(List.of(new Step(start, candidates(start).iterator())));
        Set<State> seen = new HashSet<>(List.of(start));
        while (!way.isEmpty()) {
            Step top = way.get(way.size() - 1);
            if (isEnd(top.state) || ends.getOrDefault(top.state, false)) {
                way.forEach(step -> ends.put(step.state, true));
                return true;
            }
            State next = null;
            while (next == null && top.rest.hasNext()) {
                Item item = top.rest.next();
                boolean open = !Boolean.FALSE.equals(ends.get(item.next));
                if (isPossible.test(item.demand) && open && seen.add(item.next)) {
                    next = item.next;
                }
            }
            if (next == null) {
                way.remove(way.size() - 1);
            } else {
                way.add(new Step(next, candidates(next).iterator()));
            }
            if (seen.size() + ends.size() > MAX_STATES) {
                throw new SchemaException(
                        "contains",
                        "",
                        "more than %,d states of counted items; use smaller numbers of items"
                                .formatted(MAX_STATES));
            }
        }
        // No visited state reaches an end.
        seen.forEach(state -> ends.put(state, false));
        return false;
    }

    /** A state of the path, and its items that were not tried yet. */
    private record Step(State state, Iterator<Item> rest) {}

    private boolean canReach(int index) {
        for (int i = index; i < shape.least(); i++) {
            if (!isPossible.test(shape.item(i))) {
                return false;
            }
            if (i >= shape.first().size()) {
                break;
            }
        }
        return shape.least() <= shape.most() && index <= shape.most();
    }
}
