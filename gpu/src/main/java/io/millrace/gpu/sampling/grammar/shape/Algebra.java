package io.millrace.gpu.sampling.grammar.shape;

import io.millrace.gpu.sampling.grammar.automaton.Budget;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;

/** Union and intersection of {@link Shapes}, with limits of size and work. */
public final class Algebra {
    private static final long STEPS_EACH = 20;

    private final Literals literals;
    private final SchemaLimits limits;
    private final Budget budget;

    /** Whether a cheap test shows that no value satisfies a demand. */
    private final IntPredicate plainlyNothing;

    private int work;
    private long steps;

    public Algebra(
            Literals literals, SchemaLimits limits, Budget budget, IntPredicate plainlyNothing) {
        this.literals = literals;
        this.budget = budget;
        this.limits = limits;
        this.plainlyNothing = plainlyNothing;
    }

    /** The intersection. */
    public Shapes and(Shapes a, Shapes b) {
        if (a == Shapes.ALL || b == Shapes.NONE) {
            return b;
        }
        if (b == Shapes.ALL || a == Shapes.NONE) {
            return a;
        }
        return new Shapes(
                a.nothing() && b.nothing(),
                a.yes() && b.yes(),
                a.no() && b.no(),
                pairs(
                        a.strings(),
                        b.strings(),
                        StringShape.ALL,
                        (s, t) -> s.and(t, budget),
                        StringShape::isPlainlyEmpty,
                        shape -> 1),
                pairs(
                        a.numbers(),
                        b.numbers(),
                        NumberShape.ALL,
                        NumberShape::and,
                        NumberShape::isPlainlyEmpty,
                        shape -> 1),
                pairs(
                        a.arrays(),
                        b.arrays(),
                        ArrayShape.ALL,
                        (s, t) -> s.and(t, literals),
                        this::isPlainlyEmpty,
                        shape -> 1 + shape.first().size()),
                pairs(
                        a.objects(),
                        b.objects(),
                        ObjectShape.ALL,
                        (s, t) -> s.and(t, literals, budget),
                        this::isPlainlyEmpty,
                        shape -> 1 + shape.members().size() + shape.others().size()));
    }

    private boolean isPlainlyEmpty(ArrayShape shape) {
        if (shape.isPlainlyEmpty()) {
            return true;
        }
        for (int i = 0; i < shape.least() && i <= shape.first().size(); i++) {
            if (plainlyNothing.test(shape.item(i))) {
                return true;
            }
        }
        return false;
    }

    private boolean isPlainlyEmpty(ObjectShape shape) {
        return shape.isPlainlyEmpty()
                || shape.members().values().stream()
                        .anyMatch(m -> m.required() && plainlyNothing.test(m.demand()));
    }

    private <T> List<T> pairs(
            List<T> a,
            List<T> b,
            T all,
            BiFunction<T, T, T> and,
            Predicate<T> isEmpty,
            ToIntFunction<T> size) {
        if (a.isEmpty() || b.size() == 1 && b.get(0).equals(all)) {
            return a;
        }
        if (b.isEmpty() || a.size() == 1 && a.get(0).equals(all)) {
            return b;
        }
        spend(a.size() * b.size());
        spendSteps((long) sum(a, size) * b.size() + (long) sum(b, size) * a.size());
        Set<T> both = new LinkedHashSet<>();
        for (T one : a) {
            for (T other : b) {
                T joined = and.apply(one, other);
                if (!isEmpty.test(joined)) {
                    both.add(joined);
                }
            }
        }
        return checked(both);
    }

    /** The union. */
    public Shapes or(Shapes a, Shapes b) {
        boolean tracks = literals.tracks();
        if (a == Shapes.NONE || b == Shapes.ALL && !tracks) {
            return b;
        }
        if (b == Shapes.NONE || a == Shapes.ALL && !tracks) {
            return a;
        }
        return new Shapes(
                a.nothing() || b.nothing(),
                a.yes() || b.yes(),
                a.no() || b.no(),
                either(a.strings(), b.strings(), StringShape.ALL),
                either(a.numbers(), b.numbers(), NumberShape.ALL),
                either(a.arrays(), b.arrays(), tracks ? null : ArrayShape.ALL),
                either(a.objects(), b.objects(), tracks ? null : ObjectShape.ALL));
    }

    private <T> List<T> either(List<T> a, List<T> b, T all) {
        if (all != null && (a.contains(all) || b.contains(all))) {
            return List.of(all);
        }
        if (a.isEmpty() || b.isEmpty()) {
            return a.isEmpty() ? b : a;
        }
        Set<T> either = new LinkedHashSet<>(a);
        either.addAll(b);
        return checked(either);
    }

    private <T> List<T> checked(Set<T> shapes) {
        spend(shapes.size());
        if (shapes.size() > limits.shapes()) {
            throw new TooManyException(
                    "combined with its sibling schemas, it has more than %,d alternatives"
                            .formatted(limits.shapes()));
        }
        return new ArrayList<>(shapes);
    }

    private static <T> int sum(List<T> shapes, ToIntFunction<T> size) {
        return shapes.stream().mapToInt(size).sum();
    }

    /** Counts steps for the members and items of combined shapes. */
    private void spendSteps(long units) {
        steps += STEPS_EACH * units;
        if (steps > limits.steps()) {
            throw new TooManyException(
                    "combined with its sibling schemas, it takes more than %,d steps"
                            .formatted(limits.steps()));
        }
    }

    private void spend(int units) {
        work += units;
        if (work > limits.work()) {
            throw new TooManyException(
                    "combined with its sibling schemas, it takes more than %,d steps"
                            .formatted(limits.work()));
        }
    }

    /** A limit of shapes, work or steps is exceeded. */
    public static final class TooManyException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooManyException(String message) {
            super(message);
        }
    }
}
