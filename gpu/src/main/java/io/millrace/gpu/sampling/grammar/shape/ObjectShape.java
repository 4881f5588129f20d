package io.millrace.gpu.sampling.grammar.shape;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A set of objects, by their members' names and demands.
 *
 * @param members named members, in order
 * @param others members with other names, by disjoint sets of names. A name in no set is forbidden.
 *     The sets do not apply to names of {@code members}
 * @param least minimum number of members
 * @param most maximum number of members, or {@link #NO_LIMIT}
 * @param evaluated names of the members that keywords have evaluated
 * @param some for each of these at least one member exists
 */
public record ObjectShape(
        Map<String, Member> members,
        List<Others> others,
        int least,
        int most,
        CharDfa evaluated,
        List<Some> some) {
    public static final int NO_LIMIT = Integer.MAX_VALUE;

    static final List<Others> ALL_OTHERS = List.of(new Others(CharDfa.ANY, Literals.ANYTHING));

    public static final ObjectShape ALL =
            new ObjectShape(Map.of(), ALL_OTHERS, 0, NO_LIMIT, CharDfa.NONE, List.of());

    /** A named member. */
    public record Member(int demand, boolean required) {}

    /** The members with a name of a set. */
    public record Others(CharDfa names, int demand) {}

    /**
     * The condition that some member with a name of a set satisfies a demand.
     *
     * @param sign sign of the denied schema that requires it
     * @param denied the denied schema
     * @param keyword the keyword of that schema which is violated
     */
    public record Some(
            CharDfa names, int demand, Literals.Sign sign, JsonNode denied, String keyword) {}

    public static ObjectShape some(Some some) {
        return ALL.withSome(List.of(some));
    }

    public static ObjectShape count(int least, int most) {
        return new ObjectShape(Map.of(), ALL_OTHERS, least, most, CharDfa.NONE, List.of());
    }

    public static ObjectShape member(String name, int demand, boolean required) {
        return new ObjectShape(
                Map.of(name, new Member(demand, required)),
                ALL_OTHERS,
                0,
                NO_LIMIT,
                CharDfa.NONE,
                List.of());
    }

    /** The member of a name. */
    public Member member(String name) {
        Member member = members.get(name);
        if (member != null) {
            return member;
        }
        for (Others other : others) {
            if (other.names.accepts(name)) {
                return new Member(other.demand, false);
            }
        }
        return new Member(Literals.NOTHING, false);
    }

    public ObjectShape and(ObjectShape other, Literals literals, Budget budget) {
        Map<String, Member> both = new LinkedHashMap<>();
        for (String name : members.keySet()) {
            both.put(name, and(members.get(name), other.member(name), literals));
        }
        for (String name : other.members.keySet()) {
            if (!both.containsKey(name)) {
                both.put(name, and(member(name), other.members.get(name), literals));
            }
        }
        List<Some> all = new ArrayList<>(some);
        other.some.stream().filter(s -> !all.contains(s)).forEach(all::add);
        List<Others> rest = new ArrayList<>();
        for (Others a : others) {
            for (Others b : other.others) {
                CharDfa names = a.names.and(b.names, budget);
                if (!names.isEmpty()) {
                    rest.add(new Others(names, literals.and(a.demand, b.demand)));
                }
            }
        }
        return new ObjectShape(
                both,
                rest,
                Math.max(least, other.least),
                Math.min(most, other.most),
                evaluated.or(other.evaluated, budget),
                all);
    }

    private static Member and(Member a, Member b, Literals literals) {
        return new Member(literals.and(a.demand, b.demand), a.required || b.required);
    }

    public ObjectShape withEvaluated(CharDfa evaluated) {
        return new ObjectShape(members, others, least, most, evaluated, some);
    }

    public ObjectShape withMembers(Map<String, Member> members) {
        return new ObjectShape(members, others, least, most, evaluated, some);
    }

    public ObjectShape withSome(List<Some> some) {
        return new ObjectShape(members, others, least, most, evaluated, some);
    }

    /** Adds a demand to the members that no keyword has evaluated. */
    public ObjectShape withUnevaluated(int demand, Literals literals, Budget budget) {
        Map<String, Member> all = new LinkedHashMap<>();
        members.forEach(
                (name, member) -> {
                    boolean seen = evaluated.accepts(name);
                    int both = seen ? member.demand : literals.and(member.demand, demand);
                    all.put(name, new Member(both, member.required));
                });
        List<Others> rest = new ArrayList<>();
        for (Others other : others) {
            CharDfa seen = other.names.and(evaluated, budget);
            CharDfa unseen = other.names.minus(evaluated, budget);
            if (!seen.isEmpty()) {
                rest.add(new Others(seen, other.demand));
            }
            if (!unseen.isEmpty()) {
                rest.add(new Others(unseen, literals.and(other.demand, demand)));
            }
        }
        return new ObjectShape(all, rest, least, most, CharDfa.ANY, some);
    }

    public boolean isPlainlyEmpty() {
        if (least > most) {
            return true;
        }
        int required = 0;
        for (Member member : members.values()) {
            if (member.required) {
                required++;
                if (member.demand == Literals.NOTHING) {
                    return true;
                }
            }
        }
        return required > most;
    }
}
