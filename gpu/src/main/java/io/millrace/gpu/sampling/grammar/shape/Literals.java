package io.millrace.gpu.sampling.grammar.shape;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Numbers for what a value must satisfy. A <i>literal</i> is one schema or one constant, asserted
 * or denied; a <i>demand</i> is a set of literals that hold together. All values satisfy {@link
 * #ANYTHING}, none {@link #NOTHING}.
 */
public final class Literals {
    public static final int ANYTHING = 0;
    public static final int NOTHING = 1;

    /** Asserted; denied; denied, but it may be that more is refused than is denied. */
    public enum Sign {
        ASSERTED,
        DENIED,
        DENIED_NARROWLY;

        public boolean isDenied() {
            return this != ASSERTED;
        }
    }

    /** A schema, or the only value that is allowed. */
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
     * @param limit most demands
     * @param tracks whether shapes remember what keywords have looked at
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

    /** The demand that a schema holds, or does not. */
    public int schema(JsonNode schema, Sign sign) {
        boolean always = schema.isObject() ? Keywords.areNone(schema) : schema.asBoolean();
        if (always || schema.isBoolean()) {
            return always == sign.isDenied() ? NOTHING : ANYTHING;
        }
        return single(schemas.computeIfAbsent(schema, s -> add(s, false)), sign);
    }

    /** The demand that a value is this one, or another. */
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

    /** Both at once. */
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

    /** The literals of a demand, by their numbers. */
    public int[] of(int demand) {
        return demands.get(demand);
    }

    public Literal literal(int number) {
        return literals.get(number);
    }

    /** The demand that the contrary of a demand's only literal holds. */
    public int contrary(int demand, Sign sign) {
        if (demand <= NOTHING) {
            return demand == NOTHING ? ANYTHING : NOTHING;
        }
        int literal = demands.get(demand)[0];
        Sign now = literals.get(literal).sign();
        return single(literal / SIGNS, now.isDenied() ? Sign.ASSERTED : sign);
    }
}
