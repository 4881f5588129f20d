package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/**
 * Computes the tokens needed for some value of a demand: the least solution of the equations
 * between values and their parts (Knuth, A generalization of Dijkstra's algorithm, 1977), by
 * iteration from inner values to outer ones.
 */
final class ValueCosts {
    private final Positions positions;
    private final Map<Integer, Integer> known = new HashMap<>();

    ValueCosts(Positions positions) {
        this.positions = positions;
    }

    static int of(Spelling spelling, String text) {
        return spelling.of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Tokens needed for some value of the demand; {@link Spelling#NEVER} if there is none. */
    int of(int demand) {
        Integer cost = known.get(demand);
        if (cost == null) {
            find(demand);
            cost = known.get(demand);
        }
        return cost;
    }

    private void find(int demand) {
        List<Integer> asked = insideOut(demand);
        Map<Integer, Integer> found = new HashMap<>();
        Set<Integer> recurring = new HashSet<>();
        IntUnaryOperator cost =
                d -> {
                    Integer one = known.containsKey(d) ? known.get(d) : found.get(d);
                    if (one == null) {
                        recurring.add(d);
                    }
                    return one == null ? Spelling.NEVER : one;
                };
        // Without recursion one pass is enough.
        for (boolean falls = true; falls; falls &= !recurring.isEmpty()) {
            falls = false;
            for (int one : asked) {
                int now = fewest(one, cost);
                falls |= now < found.getOrDefault(one, Spelling.NEVER);
                found.put(one, now);
            }
        }
        known.putAll(found);
    }

    /** The demand and those it depends on, inner ones first except for recursion. */
    private List<Integer> insideOut(int demand) {
        List<Integer> order = new ArrayList<>();
        Set<Integer> seen = new HashSet<>(List.of(demand));
        List<Integer> stack = new ArrayList<>(List.of(demand));
        while (!stack.isEmpty()) {
            int top = stack.remove(stack.size() - 1);
            if (top < 0) {
                order.add(~top);
                continue;
            }
            stack.add(~top);
            for (int inner : needed(top)) {
                if (!known.containsKey(inner) && seen.add(inner)) {
                    stack.add(inner);
                }
            }
        }
        return order;
    }

    /** The demands of inner values whose costs this demand's cost depends on. */
    private Set<Integer> needed(int demand) {
        Set<Integer> needed = new LinkedHashSet<>();
        positions
                .shapes(demand)
                .arrays()
                .forEach(s -> needed.addAll(positions.array(s).costs().needed()));
        positions
                .shapes(demand)
                .objects()
                .forEach(s -> needed.addAll(positions.object(s).needed()));
        return needed;
    }

    private int fewest(int demand, IntUnaryOperator inner) {
        Shapes shapes = positions.shapes(demand);
        int best = Spelling.NEVER;
        best = shapes.nothing() ? Math.min(best, of("null")) : best;
        best = shapes.yes() ? Math.min(best, of("true")) : best;
        best = shapes.no() ? Math.min(best, of("false")) : best;
        for (NumberShape shape : shapes.numbers()) {
            best = Math.min(best, positions.number(shape).cost());
        }
        for (StringShape shape : shapes.strings()) {
            best = Math.min(best, begun("\"", positions.string(shape).cost()));
            best = positions.mayBeEmpty(shape) ? Math.min(best, of("\"\"")) : best;
        }
        for (ArrayShape shape : shapes.arrays()) {
            int rest = positions.array(shape).costs().start(inner);
            best = Math.min(best, begun("[", rest));
            best = positions.array(shape).mayBeEmpty() ? Math.min(best, of("[]")) : best;
        }
        for (ObjectShape shape : shapes.objects()) {
            best = Math.min(best, begun("{", positions.object(shape).cost(inner)));
            best = positions.object(shape).mayBeEmpty() ? Math.min(best, of("{}")) : best;
        }
        return best;
    }

    private int begun(String bracket, int rest) {
        return Spelling.sum(of(bracket), rest);
    }

    private int of(String text) {
        return ValueCosts.of(positions.spelling(), text);
    }
}
