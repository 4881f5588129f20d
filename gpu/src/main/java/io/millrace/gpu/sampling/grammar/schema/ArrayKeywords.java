package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.Literals.Sign;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** {@code items, prefixItems, additionalItems, minItems, maxItems, contains, uniqueItems}. */
final class ArrayKeywords {
    private final Reader reader;
    private final Literals literals;

    ArrayKeywords(Reader reader, Literals literals) {
        this.reader = reader;
        this.literals = literals;
    }

    /** The arrays that satisfy all of these keywords. */
    ArrayShape shape(JsonNode schema) {
        ArrayShape shape =
                ArrayShape.count(
                        reader.count(schema, "minItems", 0),
                        reader.count(schema, "maxItems", ArrayShape.NO_LIMIT));
        List<Integer> first = first(schema, Sign.ASSERTED);
        JsonNode rest = rest(schema);
        if (!first.isEmpty() || rest != null) {
            int others = rest == null ? Literals.ANYTHING : literals.schema(rest, Sign.ASSERTED);
            int evaluated = rest == null ? first.size() : ArrayShape.NO_LIMIT;
            shape = shape.and(ArrayShape.items(first, others, evaluated), literals);
        }
        if (schema.has("contains")) {
            ArrayShape.Contained contained = contained(schema, Sign.DENIED);
            if (contained.least() > 0 || contained.most() < ArrayShape.NO_LIMIT) {
                shape = shape.and(ArrayShape.contains(contained), literals);
            }
        }
        if (schema.path("uniqueItems").asBoolean(false) && shape.most() > 1) {
            throw reader.refused(schema, "uniqueItems", "no automaton remembers all items");
        }
        return shape;
    }

    private List<Integer> first(JsonNode schema, Sign sign) {
        String keyword = schema.path("items").isArray() ? "items" : "prefixItems";
        List<Integer> first = new ArrayList<>();
        if (schema.has(keyword) && !schema.get(keyword).isEmpty()) {
            for (JsonNode item : reader.list(schema, keyword)) {
                first.add(literals.schema(item, sign));
            }
        }
        return first;
    }

    /** The schema of the items after the first ones; null if there is none. */
    private JsonNode rest(JsonNode schema) {
        String keyword = schema.path("items").isArray() ? "additionalItems" : "items";
        return schema.has(keyword) ? reader.schema(schema, keyword, schema.get(keyword)) : null;
    }

    private ArrayShape.Contained contained(JsonNode schema, Sign denial) {
        JsonNode item = reader.schema(schema, "contains", schema.get("contains"));
        return new ArrayShape.Contained(
                literals.schema(item, Sign.ASSERTED),
                literals.schema(item, denial),
                reader.count(schema, "minContains", 1),
                reader.count(schema, "maxContains", ArrayShape.NO_LIMIT));
    }

    /**
     * The arrays that violate one of these keywords.
     *
     * @param sign {@code DENIED} or {@code DENIED_NARROWLY}
     */
    List<ArrayShape> denied(JsonNode schema, Sign sign) {
        List<ArrayShape> denied = new ArrayList<>();
        int least = reader.count(schema, "minItems", 0);
        int most = reader.count(schema, "maxItems", ArrayShape.NO_LIMIT);
        if (least > 0) {
            denied.add(ArrayShape.count(0, least - 1));
        }
        if (most < ArrayShape.NO_LIMIT) {
            denied.add(ArrayShape.count(most + 1, ArrayShape.NO_LIMIT));
        }
        List<Integer> first = first(schema, sign);
        for (int i = 0; i < first.size(); i++) {
            List<Integer> items = new ArrayList<>(Collections.nCopies(i, Literals.ANYTHING));
            items.add(first.get(i));
            denied.add(
                    ArrayShape.items(items, Literals.ANYTHING, 0)
                            .and(ArrayShape.count(i + 1, ArrayShape.NO_LIMIT), literals));
        }
        JsonNode rest = rest(schema);
        if (rest != null) {
            denyRest(schema, rest, first, sign, denied);
        }
        if (schema.has("contains")) {
            denyContained(contained(schema, sign), denied);
        }
        if (schema.path("uniqueItems").asBoolean(false)) {
            reader.cannotDeny(schema, "uniqueItems", sign);
        }
        return denied;
    }

    private void denyRest(
            JsonNode schema,
            JsonNode rest,
            List<Integer> first,
            Sign sign,
            List<ArrayShape> denied) {
        int other = literals.schema(rest, sign);
        if (other == Literals.ANYTHING) {
            denied.add(ArrayShape.count(first.size() + 1, ArrayShape.NO_LIMIT));
        } else if (first.isEmpty() && other != Literals.NOTHING) {
            int contrary = literals.schema(rest, Sign.ASSERTED);
            denied.add(
                    ArrayShape.contains(
                            new ArrayShape.Contained(other, contrary, 1, ArrayShape.NO_LIMIT)));
        } else if (other != Literals.NOTHING) {
            reader.cannotDeny(schema, "items", sign);
        }
    }

    private static void denyContained(ArrayShape.Contained contained, List<ArrayShape> denied) {
        if (contained.least() > 0) {
            denied.add(
                    ArrayShape.contains(
                            new ArrayShape.Contained(
                                    contained.demand(),
                                    contained.contrary(),
                                    0,
                                    contained.least() - 1)));
        }
        if (contained.most() < ArrayShape.NO_LIMIT) {
            denied.add(
                    ArrayShape.contains(
                            new ArrayShape.Contained(
                                    contained.demand(),
                                    contained.contrary(),
                                    contained.most() + 1,
                                    ArrayShape.NO_LIMIT)));
        }
    }
}
