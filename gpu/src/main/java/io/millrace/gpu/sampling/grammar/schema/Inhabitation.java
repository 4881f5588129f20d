package io.millrace.gpu.sampling.grammar.schema;

import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.BoundedDfa;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.NumberAutomaton;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds the demands that some finite value satisfies. All others are removed from the shapes, so
 * that every text that is begun can be completed.
 */
final class Inhabitation {
    /** Approximate steps per visit of a demand. */
    private static final int LOOK_STEPS = 20;

    private final Normalizer normalizer;
    private final Literals literals;
    private final Set<Integer> inhabited = new HashSet<>();
    private final Set<Integer> empty = new HashSet<>();
    private final Map<StringShape, BoundedDfa> strings = new HashMap<>();
    private final Map<NumberShape, CharDfa> numbers = new HashMap<>();

    Inhabitation(Normalizer normalizer, Literals literals) {
        this.normalizer = normalizer;
        this.literals = literals;
        inhabited.add(Literals.ANYTHING);
        empty.add(Literals.NOTHING);
    }

    /** Whether some value satisfies the demand. */
    boolean has(int demand) {
        if (inhabited.contains(demand)) {
            return true;
        }
        if (empty.contains(demand)) {
            return false;
        }
        // Iterate over all demands that this one depends on until nothing changes.
        List<Integer> asked = insideOut(demand);
        boolean grown = true;
        while (grown && !inhabited.contains(demand)) {
            grown = false;
            for (int one : asked) {
                normalizer.budget().spend(LOOK_STEPS);
                if (!inhabited.contains(one) && isInhabited(normalizer.resolved(one))) {
                    inhabited.add(one);
                    grown = true;
                }
            }
        }
        if (inhabited.contains(demand)) {
            return true;
        }
        asked.removeIf(inhabited::contains);
        empty.addAll(asked);
        return false;
    }

    /** The demand and those it depends on, inner ones first except for recursion. */
    private List<Integer> insideOut(int demand) {
        List<Integer> order = new ArrayList<>();
        Set<Integer> asked = new HashSet<>(List.of(demand));
        List<Integer> stack = new ArrayList<>(List.of(demand));
        while (!stack.isEmpty()) {
            int next = stack.remove(stack.size() - 1);
            if (next < 0) {
                order.add(~next);
                continue;
            }
            stack.add(~next);
            Shapes shapes = normalizer.resolved(next);
            if (!isInhabited(shapes)) {
                for (int inner : inner(shapes)) {
                    boolean open = !inhabited.contains(inner) && !empty.contains(inner);
                    if (open && asked.add(inner)) {
                        stack.add(inner);
                    }
                }
            }
        }
        return order;
    }

    private List<Integer> inner(Shapes shapes) {
        List<Integer> inner = new ArrayList<>();
        for (ObjectShape shape : shapes.objects()) {
            shape.members().values().stream()
                    .filter(m -> m.required() || shape.least() > 0)
                    .forEach(m -> inner.add(m.demand()));
            if (shape.least() > 0) {
                shape.others().forEach(o -> inner.add(o.demand()));
            }
        }
        for (ArrayShape shape : shapes.arrays()) {
            for (int i = 0; i <= shape.first().size(); i++) {
                inner.add(shape.item(i));
                for (ArrayShape.Contained contained : shape.contained()) {
                    inner.add(literals.and(shape.item(i), contained.demand()));
                    inner.add(literals.and(shape.item(i), contained.contrary()));
                }
            }
        }
        return inner;
    }

    /** Whether a value exists by the demands known so far. */
    private boolean isInhabited(Shapes shapes) {
        return shapes.nothing()
                || shapes.yes()
                || shapes.no()
                || shapes.strings().stream().anyMatch(s -> !bounded(s).isEmpty())
                || shapes.numbers().stream().anyMatch(n -> !texts(n).isEmpty())
                || shapes.arrays().stream().anyMatch(this::isInhabited)
                || shapes.objects().stream().anyMatch(this::isInhabited);
    }

    private boolean isInhabited(ObjectShape shape) {
        int available = 0;
        int required = 0;
        for (ObjectShape.Member member : shape.members().values()) {
            boolean possible = inhabited.contains(member.demand());
            if (member.required() && !possible) {
                return false;
            }
            available += possible ? 1 : 0;
            required += member.required() ? 1 : 0;
        }
        boolean others = shape.others().stream().anyMatch(o -> inhabited.contains(o.demand()));
        return required <= shape.most()
                && (others || available >= shape.least())
                && shape.least() <= shape.most();
    }

    private boolean isInhabited(ArrayShape shape) {
        return new ItemCounts(shape, literals, inhabited::contains).isPossible();
    }

    /** The texts of a string shape. */
    BoundedDfa bounded(StringShape shape) {
        BoundedDfa texts = strings.get(shape);
        if (texts == null) {
            texts = new BoundedDfa(shape.texts(), shape.least(), shape.most());
            normalizer.budget().spend(8 * texts.bytes());
            strings.put(shape, texts);
        }
        return texts;
    }

    /** The texts of a number shape. */
    CharDfa texts(NumberShape shape) {
        CharDfa texts = numbers.get(shape);
        if (texts == null) {
            try {
                texts = NumberAutomaton.of(shape, normalizer.budget());
            } catch (AutomatonTooLargeException e) {
                throw new SchemaException(
                        shape.multiplesOf().isEmpty() && shape.noMultiplesOf().isEmpty()
                                ? "minimum"
                                : "multipleOf",
                        "",
                        e.getMessage());
            }
            numbers.put(shape, texts);
        }
        return texts;
    }
}
