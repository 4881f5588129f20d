package io.millrace.gpu.sampling.grammar.shape;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Numbers the conditions on a value. A <i>literal</i> is a schema or a constant, asserted or
 * denied; a <i>demand</i> is a conjunction of literals. All values satisfy {@link #ANYTHING}, none
 * satisfies {@link #NOTHING}.
 */
public final class Literals {
    public static final int ANYTHING = 0;
    public static final int NOTHING = 1;

    /** Whether a schema must hold or must not; denied narrowly, more values may be excluded. */
    public enum Sign {
        ASSERTED,
        DENIED,
        DENIED_NARROWLY;

        public boolean isDenied() {
            return this != ASSERTED;
        }
    }

    /** A schema, or a constant value. */
    public record Literal(JsonNode node, boolean constant, Sign sign) {}

    private static final int SIGNS = Sign.values().length;

    private record Demand(int[] literals) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Demand demand && Arrays.equals(literals, demand.literals);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(literals);
        }
    }

    private final int limit;
    private final boolean tracks;
    private final Map<JsonNode, Integer> schemas = new IdentityHashMap<>();
    private final Map<JsonNode, Integer> constants = new HashMap<>();
    private final List<Literal> literals = new ArrayList<>();
    private final Map<Demand, Integer> numbers = new HashMap<>();
    private final List<int[]> demands = new ArrayList<>();
    private final Map<Long, Integer> joined = new HashMap<>();

    /**
     * @param limit maximum number of demands
     * @param tracks whether shapes keep which items and members keywords have evaluated
     */
    public Literals(int limit, boolean tracks) {
        this.limit = limit;
        this.tracks = tracks;
        number(new int[0]);
        number(new int[] {-1});
    }

    public boolean tracks() {
        return tracks;
    }

    /** The demand of one schema. */
    public int schema(JsonNode schema, Sign sign) {
        boolean always = schema.isObject() ? Keywords.areNone(schema) : schema.asBoolean();
        if (always || schema.isBoolean()) {
            return always == sign.isDenied() ? NOTHING : ANYTHING;
        }
        return single(schemas.computeIfAbsent(schema, s -> add(s, false)), sign);
    }

    /** The demand of one constant. */
    public int constant(JsonNode value, Sign sign) {
        return single(constants.computeIfAbsent(value, s -> add(s, true)), sign);
    }

    private int add(JsonNode node, boolean constant) {
        for (Sign sign : Sign.values()) {
            literals.add(new Literal(node, constant, sign));
        }
        return literals.size() / SIGNS - 1;
    }

    private int single(int base, Sign sign) {
        return number(new int[] {base * SIGNS + sign.ordinal()});
    }

    /** The conjunction of two demands. */
    public int and(int a, int b) {
        if (a == b || b == ANYTHING || a == NOTHING) {
            return a;
        }
        if (a == ANYTHING || b == NOTHING) {
            return b;
        }
        long key = (long) Math.min(a, b) << 32 | Math.max(a, b);
        Integer known = joined.get(key);
        if (known == null) {
            known = number(merge(demands.get(a), demands.get(b)));
            joined.put(key, known);
        }
        return known;
    }

    private static int[] merge(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        Arrays.sort(all);
        int size = 0;
        for (int literal : all) {
            if (size == 0 || all[size - 1] != literal) {
                boolean contrary =
                        size > 0
                                && all[size - 1] / SIGNS == literal / SIGNS
                                && all[size - 1] % SIGNS == 0;
                if (contrary) {
                    return new int[] {-1};
                }
                all[size++] = literal;
            }
        }
        return Arrays.copyOf(all, size);
    }

    private int number(int[] demand) {
        Demand key = new Demand(demand);
        Integer known = numbers.get(key);
        if (known != null) {
            return known;
        }
        if (demands.size() >= limit) {
            throw new SchemaException(
                    "allOf", "", "more than %,d combinations of schemas".formatted(limit));
        }
        numbers.put(key, demands.size());
        demands.add(demand);
        return demands.size() - 1;
    }

    /** The numbers of a demand's literals. */
    public int[] of(int demand) {
        return demands.get(demand);
    }

    public Literal literal(int number) {
        return literals.get(number);
    }

    /** The negation of a demand of one literal. */
    public int contrary(int demand, Sign sign) {
        if (demand <= NOTHING) {
            return demand == NOTHING ? ANYTHING : NOTHING;
        }
        int literal = demands.get(demand)[0];
        Sign now = literals.get(literal).sign();
        return single(literal / SIGNS, now.isDenied() ? Sign.ASSERTED : sign);
    }
}
