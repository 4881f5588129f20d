package io.millrace.gpu.sampling.grammar.schema;

import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape.Member;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape.Some;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Replaces an object shape that needs some member of a set of names by one shape for each named
 * member that can be it. A name that is not fixed cannot: if it is written twice, the second value
 * counts.
 */
final class SomeMembers {
    private static final int MAX_SHAPES = 64;

    private final Reader reader;
    private final Literals literals;
    private final Budget budget;

    SomeMembers(Reader reader, Literals literals, Budget budget) {
        this.reader = reader;
        this.literals = literals;
        this.budget = budget;
    }

    List<ObjectShape> resolve(ObjectShape shape) {
        List<ObjectShape> open = new ArrayList<>(List.of(shape));
        for (Some some : shape.some()) {
            List<ObjectShape> next = new ArrayList<>();
            open.forEach(one -> next.addAll(with(one, some)));
            if (next.size() > MAX_SHAPES) {
                throw new SchemaException("oneOf", "", "too many ways to violate a branch");
            }
            open = next;
        }
        return open.stream().map(one -> one.withSome(List.of())).toList();
    }

    private List<ObjectShape> with(ObjectShape shape, Some some) {
        List<ObjectShape> all = new ArrayList<>();
        for (Map.Entry<String, Member> entry : shape.members().entrySet()) {
            Member member = entry.getValue();
            if (!some.names().accepts(entry.getKey()) || member.demand() == Literals.NOTHING) {
                continue;
            }
            int demand = literals.and(member.demand(), some.demand());
            if (member.required() && demand == member.demand()) {
                return List.of(shape);
            }
            Map<String, Member> members = new LinkedHashMap<>(shape.members());
            members.put(entry.getKey(), new Member(demand, true));
            if (demand != Literals.NOTHING) {
                all.add(shape.withMembers(members));
            }
        }
        boolean free = shape.others().stream().anyMatch(o -> o.names().meets(some.names(), budget));
        if (free) {
            reader.cannotDeny(some.denied(), some.keyword(), some.sign());
        }
        return all;
    }
}
