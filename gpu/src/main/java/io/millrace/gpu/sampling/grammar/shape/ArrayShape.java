package io.millrace.gpu.sampling.grammar.shape;

import java.util.ArrayList;
import java.util.List;

/**
 * Arrays: what their items must satisfy and how many there are.
 *
 * @param first demands of the first items
 * @param rest the demand of every further item
 * @param most {@link #NO_LIMIT} for any number
 * @param contained demands that some items satisfy
 * @param evaluated how many items keywords have looked at; {@link #NO_LIMIT} for all
 */
public record ArrayShape(
        List<Integer> first,
        int rest,
        int least,
        int most,
        List<Contained> contained,
        int evaluated) {
    public static final int NO_LIMIT = Integer.MAX_VALUE;

    public static final ArrayShape ALL =
            new ArrayShape(List.of(), Literals.ANYTHING, 0, NO_LIMIT, List.of(), 0);

    /**
     * How many items satisfy a demand.
     *
     * @param contrary the demand of an item that does not satisfy it
     */
    public record Contained(int demand, int contrary, int least, int most) {}

    public static ArrayShape items(List<Integer> first, int rest, int evaluated) {
        return new ArrayShape(first, rest, 0, NO_LIMIT, List.of(), evaluated);
    }

    public static ArrayShape count(int least, int most) {
        return new ArrayShape(List.of(), Literals.ANYTHING, least, most, List.of(), 0);
    }

    public static ArrayShape contains(Contained contained) {
        return new ArrayShape(List.of(), Literals.ANYTHING, 0, NO_LIMIT, List.of(contained), 0);
    }

    /** The demand of an item. */
    public int item(int index) {
        return index < first.size() ? first.get(index) : rest;
    }

    public ArrayShape and(ArrayShape other, Literals literals) {
        int size = Math.max(first.size(), other.first.size());
        List<Integer> both = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            both.add(literals.and(item(i), other.item(i)));
        }
        List<Contained> all = new ArrayList<>(contained);
        other.contained.stream().filter(c -> !all.contains(c)).forEach(all::add);
        return new ArrayShape(
                both,
                literals.and(rest, other.rest),
                Math.max(least, other.least),
                Math.min(most, other.most),
                all,
                Math.max(evaluated, other.evaluated));
    }

    public ArrayShape withEvaluated(int evaluated) {
        return new ArrayShape(first, rest, least, most, contained, evaluated);
    }

    /** Adds a demand to the items that no keyword has looked at. */
    public ArrayShape withUnevaluated(int demand, Literals literals) {
        if (evaluated == NO_LIMIT) {
            return this;
        }
        List<Integer> items = new ArrayList<>();
        for (int i = 0; i < Math.max(first.size(), evaluated); i++) {
            items.add(i < evaluated ? item(i) : literals.and(item(i), demand));
        }
        return new ArrayShape(items, literals.and(rest, demand), least, most, contained, NO_LIMIT);
    }

    public boolean isPlainlyEmpty() {
        if (least > most) {
            return true;
        }
        for (int i = 0; i < Math.min(least, first.size()); i++) {
            if (first.get(i) == Literals.NOTHING) {
                return true;
            }
        }
        return least > first.size() && rest == Literals.NOTHING;
    }
}
