package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.Literals.Sign;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape.Member;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape.Others;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape.Some;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code properties, patternProperties, additionalProperties, required, minProperties,
 * maxProperties}. {@link LogicKeywords} has those that relate members to each other.
 */
final class ObjectKeywords {
    private final Reader reader;
    private final Literals literals;
    private final StringKeywords strings;
    private final Budget budget;

    ObjectKeywords(Reader reader, Literals literals, StringKeywords strings, Budget budget) {
        this.reader = reader;
        this.literals = literals;
        this.strings = strings;
        this.budget = budget;
    }

    /** The objects that satisfy all of these keywords. */
    ObjectShape shape(JsonNode schema) {
        ObjectShape shape = members(schema);
        if (schema.has("required")) {
            Map<String, Member> required = new LinkedHashMap<>();
            for (String name : required(schema)) {
                required.put(name, new Member(Literals.ANYTHING, true));
            }
            shape = shape.and(ObjectShape.ALL.withMembers(required), literals, budget);
        }
        int least = reader.count(schema, "minProperties", 0);
        int most = reader.count(schema, "maxProperties", ObjectShape.NO_LIMIT);
        return least == 0 && most == ObjectShape.NO_LIMIT
                ? shape
                : shape.and(ObjectShape.count(least, most), literals, budget);
    }

    private List<String> required(JsonNode schema) {
        return reader.texts(schema, "required", schema.get("required"));
    }

    private ObjectShape members(JsonNode schema) {
        Map<String, Integer> named = named(schema, Sign.ASSERTED);
        JsonNode additional = additional(schema);
        if (named.isEmpty() && additional == null && !schema.has("patternProperties")) {
            return ObjectShape.ALL;
        }
        // Sets of names by the patterns that match them.
        List<Others> others = new ArrayList<>();
        int rest =
                additional == null ? Literals.ANYTHING : literals.schema(additional, Sign.ASSERTED);
        CharDfa unmatched = CharDfa.ANY;
        CharDfa evaluated = CharDfa.NONE;
        for (Map.Entry<String, Integer> pattern : patterns(schema).entrySet()) {
            CharDfa names = strings.pattern(schema, "patternProperties", pattern.getKey());
            others = split(others, names, pattern.getValue(), unmatched);
            unmatched = unmatched.minus(names, budget);
            evaluated = evaluated.or(names, budget);
        }
        Map<String, Member> members = new LinkedHashMap<>();
        for (Map.Entry<String, Integer> entry : named.entrySet()) {
            int demand = entry.getValue();
            for (Others other : others) {
                if (other.names().accepts(entry.getKey())) {
                    demand = literals.and(demand, other.demand());
                }
            }
            members.put(entry.getKey(), new Member(demand, false));
        }
        if (rest != Literals.NOTHING && !unmatched.isEmpty()) {
            others.add(new Others(unmatched, rest));
        }
        if (literals.tracks()) {
            evaluated =
                    additional != null
                            ? CharDfa.ANY
                            : evaluated.or(CharDfa.ofTexts(List.copyOf(named.keySet())), budget);
        }
        return new ObjectShape(
                members,
                others,
                0,
                ObjectShape.NO_LIMIT,
                literals.tracks() ? evaluated : CharDfa.NONE,
                List.of());
    }

    /** Splits disjoint sets of names by a further pattern. */
    private List<Others> split(List<Others> others, CharDfa names, int demand, CharDfa unmatched) {
        List<Others> parts = new ArrayList<>();
        for (Others other : others) {
            CharDfa both = other.names().and(names, budget);
            CharDfa alone = other.names().minus(names, budget);
            if (!both.isEmpty()) {
                parts.add(new Others(both, literals.and(other.demand(), demand)));
            }
            if (!alone.isEmpty()) {
                parts.add(new Others(alone, other.demand()));
            }
        }
        CharDfa fresh = names.and(unmatched, budget);
        if (!fresh.isEmpty()) {
            parts.add(new Others(fresh, demand));
        }
        return parts;
    }

    private Map<String, Integer> named(JsonNode schema, Sign sign) {
        return demands(schema, "properties", sign);
    }

    private Map<String, Integer> patterns(JsonNode schema) {
        return demands(schema, "patternProperties", Sign.ASSERTED);
    }

    private Map<String, Integer> demands(JsonNode schema, String keyword, Sign sign) {
        Map<String, Integer> demands = new LinkedHashMap<>();
        if (schema.has(keyword)) {
            Iterator<Map.Entry<String, JsonNode>> fields = reader.object(schema, keyword).fields();
            while (fields.hasNext()) {
                Map.Entry<String, JsonNode> field = fields.next();
                JsonNode member = reader.schema(schema, keyword, field.getValue());
                demands.put(field.getKey(), literals.schema(member, sign));
            }
        }
        return demands;
    }

    private JsonNode additional(JsonNode schema) {
        String keyword = "additionalProperties";
        return schema.has(keyword) ? reader.schema(schema, keyword, schema.get(keyword)) : null;
    }

    /**
     * The objects that violate one of these keywords.
     *
     * @param sign {@code DENIED} or {@code DENIED_NARROWLY}
     */
    List<ObjectShape> denied(JsonNode schema, Sign sign) {
        List<ObjectShape> denied = new ArrayList<>();
        named(schema, sign)
                .forEach((name, demand) -> denied.add(ObjectShape.member(name, demand, true)));
        if (schema.has("required")) {
            for (String name : required(schema)) {
                denied.add(ObjectShape.member(name, Literals.NOTHING, false));
            }
        }
        int least = reader.count(schema, "minProperties", 0);
        int most = reader.count(schema, "maxProperties", ObjectShape.NO_LIMIT);
        if (least > 0) {
            denied.add(ObjectShape.count(0, least - 1));
        }
        if (most < ObjectShape.NO_LIMIT) {
            denied.add(ObjectShape.count(most + 1, ObjectShape.NO_LIMIT));
        }
        denyOthers(schema, sign, denied);
        return denied;
    }

    /** Some member violates the schema of its pattern or of additional properties. */
    private void denyOthers(JsonNode schema, Sign sign, List<ObjectShape> denied) {
        CharDfa unmatched = CharDfa.ANY;
        for (Map.Entry<String, Integer> pattern :
                demands(schema, "patternProperties", sign).entrySet()) {
            CharDfa names = strings.pattern(schema, "patternProperties", pattern.getKey());
            unmatched = unmatched.minus(names, budget);
            if (pattern.getValue() != Literals.NOTHING) {
                denied.add(
                        ObjectShape.some(
                                new Some(
                                        names,
                                        pattern.getValue(),
                                        sign,
                                        schema,
                                        "patternProperties")));
            }
        }
        JsonNode additional = additional(schema);
        if (additional == null || literals.schema(additional, sign) == Literals.NOTHING) {
            return;
        }
        List<String> named = List.copyOf(named(schema, sign).keySet());
        CharDfa names = unmatched.minus(CharDfa.ofTexts(named), budget);
        int demand = literals.schema(additional, sign);
        denied.add(ObjectShape.some(new Some(names, demand, sign, schema, "additionalProperties")));
    }
}
