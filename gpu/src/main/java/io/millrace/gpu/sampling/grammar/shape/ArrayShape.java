package io.millrace.gpu.sampling.grammar.shape;

import java.util.ArrayList;
import java.util.List;

/**
 * A set of arrays, by the number of their items and their items' demands.
 *
 * @param first demands of the first items
 * @param rest demand of every further item
 * @param least minimum number of items
 * @param most maximum number of items, or {@link #NO_LIMIT}
 * @param contained demands that a bounded number of items satisfies
 * @param evaluated number of leading items that keywords have evaluated; {@link #NO_LIMIT} for all
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
     * Bounds of the number of items that satisfy a demand.
     *
     * @param contrary the negation of the demand
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

    /** Adds a demand to the items that no keyword has evaluated. */
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
