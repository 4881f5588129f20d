package io.millrace.gpu.sampling.grammar.shape;

import io.millrace.gpu.sampling.grammar.shape.ArrayShape.Contained;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * Tells of an array, after some items, which further items lead to an array that ends well. Items
 * that are contained are counted; an index counts on only as far as it matters.
 */
public final class ItemCounts {
    private static final int MOST_CONTAINED = 3;
    private static final int MOST_STATES = 20_000;

    private final ArrayShape shape;
    private final Literals literals;
    private final IntPredicate isPossible;

    /** Where the index stops to count. */
    private final int last;

    private final Map<State, Boolean> ends = new HashMap<>();

    /**
     * What was read of an array.
     *
     * @param index how many items
     * @param contained how many of them satisfy each of the contained demands
     */
    public record State(int index, List<Integer> contained) {}

    /** An item that may come next, and what is read then. */
    public record Item(int demand, State next) {}

    public ItemCounts(ArrayShape shape, Literals literals, IntPredicate isPossible) {
        this.shape = shape;
        this.literals = literals;
        this.isPossible = isPossible;
        if (shape.contained().size() > MOST_CONTAINED) {
            throw new SchemaException(
                    "contains", "", "more than " + MOST_CONTAINED + " for one array");
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
                    // Where too many are an error, each must be known not to be one.
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

    /** Whether an array that ends well can begin like this. */
    private boolean canEnd(State state) {
        Boolean known = ends.get(state);
        if (known != null) {
            return known;
        }
        if (shape.contained().isEmpty()) {
            return canReach(state.index);
        }
        // A way round a loop ends nothing sooner: a state that is open counts as none.
        if (ends.size() > MOST_STATES) {
            throw new SchemaException("contains", "", "it asks for very many items");
        }
        ends.put(state, false);
        boolean possible = isEnd(state);
        for (Item item : possible ? List.<Item>of() : candidates(state)) {
            if (isPossible.test(item.demand) && canEnd(item.next)) {
                possible = true;
                break;
            }
        }
        ends.put(state, possible);
        return possible;
    }

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
