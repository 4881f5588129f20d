package io.millrace.gpu.sampling.grammar.shape;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A set of numbers, by value.
 *
 * @param low lower bound; null for none
 * @param lowOpen whether {@code low} itself is excluded
 * @param high upper bound; null for none
 * @param highOpen whether {@code high} itself is excluded
 * @param multiplesOf the numbers are multiples of each of these
 * @param noMultiplesOf the numbers are multiples of none of these
 * @param plain whether integers are written without a fraction
 */
public record NumberShape(
        BigDecimal low,
        boolean lowOpen,
        BigDecimal high,
        boolean highOpen,
        Set<BigDecimal> multiplesOf,
        Set<BigDecimal> noMultiplesOf,
        boolean plain) {
    /** Maximum digits of a number, both before and after the point. */
    public static final int MAX_DIGITS = 400;

    public static final NumberShape ALL =
            new NumberShape(null, false, null, false, Set.of(), Set.of(), false);

    public static NumberShape atLeast(BigDecimal low, boolean open) {
        return new NumberShape(value(low), open, null, false, Set.of(), Set.of(), false);
    }

    public static NumberShape atMost(BigDecimal high, boolean open) {
        return new NumberShape(null, false, value(high), open, Set.of(), Set.of(), false);
    }

    public static NumberShape multiplesOf(BigDecimal factor, boolean plain) {
        return new NumberShape(null, false, null, false, Set.of(value(factor)), Set.of(), plain);
    }

    public static NumberShape noMultiplesOf(BigDecimal factor) {
        return new NumberShape(null, false, null, false, Set.of(), Set.of(value(factor)), false);
    }

    public static NumberShape only(BigDecimal number) {
        return new NumberShape(
                value(number), false, value(number), false, Set.of(), Set.of(), false);
    }

    /** A canonical form, equal for equal values. */
    private static BigDecimal value(BigDecimal number) {
        return number.signum() == 0 ? BigDecimal.ZERO : number.stripTrailingZeros();
    }

    public NumberShape and(NumberShape other) {
        int lows = low == null ? -1 : other.low == null ? 1 : low.compareTo(other.low);
        int highs = high == null ? 1 : other.high == null ? -1 : high.compareTo(other.high);
        return new NumberShape(
                lows >= 0 ? low : other.low,
                lows > 0 ? lowOpen : lows < 0 ? other.lowOpen : lowOpen || other.lowOpen,
                highs <= 0 ? high : other.high,
                highs < 0 ? highOpen : highs > 0 ? other.highOpen : highOpen || other.highOpen,
                union(multiplesOf, other.multiplesOf),
                union(noMultiplesOf, other.noMultiplesOf),
                plain || other.plain);
    }

    private static Set<BigDecimal> union(Set<BigDecimal> a, Set<BigDecimal> b) {
        if (a.isEmpty() || b.isEmpty()) {
            return a.isEmpty() ? b : a;
        }
        Set<BigDecimal> all = new TreeSet<>(a);
        all.addAll(b);
        return all;
    }

    /** The complement, as a union. */
    public List<NumberShape> not() {
        List<NumberShape> others = new ArrayList<>();
        if (low != null) {
            others.add(atMost(low, !lowOpen));
        }
        if (high != null) {
            others.add(atLeast(high, !highOpen));
        }
        multiplesOf.forEach(factor -> others.add(noMultiplesOf(factor)));
        noMultiplesOf.forEach(factor -> others.add(multiplesOf(factor, false)));
        return others;
    }

    public boolean isPlainlyEmpty() {
        if (multiplesOf.stream().anyMatch(noMultiplesOf::contains)) {
            return true;
        }
        if (low == null || high == null) {
            return false;
        }
        int order = low.compareTo(high);
        if (order > 0 || order == 0 && (lowOpen || highOpen)) {
            return true;
        }
        return order == 0
                && (multiplesOf.stream().anyMatch(factor -> !isMultiple(low, factor))
                        || noMultiplesOf.stream().anyMatch(factor -> isMultiple(low, factor)));
    }

    private static boolean isMultiple(BigDecimal number, BigDecimal factor) {
        return number.remainder(factor).signum() == 0;
    }
}
