package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.shape.Algebra;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.Literals.Sign;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape.Others;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * {@code allOf, anyOf, oneOf, not, if, then, else, $ref, dependencies, propertyNames}: keywords
 * that combine the value sets of other schemas. The sets are intersected if the schema is asserted,
 * and united if it is denied.
 */
final class LogicKeywords {
    private static final int MAX_BRANCHES_TOGETHER = 6;

    private final Normalizer normalizer;
    private final Reader reader;
    private final SchemaDocument document;
    private final Literals literals;
    private final Algebra algebra;
    private final Budget budget;

    LogicKeywords(
            Normalizer normalizer,
            Reader reader,
            SchemaDocument document,
            Literals literals,
            Algebra algebra,
            Budget budget) {
        this.normalizer = normalizer;
        this.reader = reader;
        this.document = document;
        this.literals = literals;
        this.algebra = algebra;
        this.budget = budget;
    }

    void addParts(JsonNode schema, Sign sign, List<Shapes> parts) {
        addReference(schema, sign, parts);
        if (schema.has("allOf")) {
            for (JsonNode part : reader.list(schema, "allOf")) {
                parts.add(of(part, sign));
            }
        }
        if (schema.has("anyOf")) {
            parts.add(any(reader.list(schema, "anyOf"), sign));
        }
        if (schema.has("oneOf")) {
            parts.add(one(reader.list(schema, "oneOf"), sign));
        }
        if (schema.has("not")) {
            JsonNode not = reader.schema(schema, "not", schema.get("not"));
            parts.add(of(not, sign.isDenied() ? Sign.ASSERTED : Sign.DENIED));
        }
        if (schema.has("if") && (schema.has("then") || schema.has("else") || literals.tracks())) {
            parts.add(conditional(schema, sign));
        }
        for (String keyword : List.of("dependencies", "dependentRequired", "dependentSchemas")) {
            if (schema.has(keyword)) {
                dependencies(schema, keyword, sign, parts);
            }
        }
        if (schema.has("propertyNames")) {
            parts.add(names(schema, sign));
        }
    }

    private Shapes of(JsonNode schema, Sign sign) {
        return normalizer.inPlace(literals.schema(schema, sign));
    }

    void addReference(JsonNode schema, Sign sign, List<Shapes> parts) {
        if (schema.has("$ref")) {
            String reference = reader.text(schema, "$ref");
            parts.add(of(document.resolve(schema, "$ref", reference), sign));
        }
        if (schema.has("$dynamicRef")) {
            String reference = reader.text(schema, "$dynamicRef");
            parts.add(of(document.resolveDynamic(schema, reference), sign));
        }
    }

    private Shapes any(JsonNode branches, Sign sign) {
        if (sign.isDenied()) {
            Shapes none = Shapes.ALL;
            for (JsonNode branch : branches) {
                none = algebra.and(none, of(branch, sign));
            }
            return none;
        }
        Shapes any = Shapes.NONE;
        if (!literals.tracks()) {
            for (JsonNode branch : branches) {
                any = algebra.or(any, of(branch, sign));
            }
            return any;
        }
        // All valid branches evaluate properties and items, so each subset of branches is a case.
        if (branches.size() > MAX_BRANCHES_TOGETHER) {
            throw new SchemaException(
                    "anyOf",
                    document.location(branches.get(0)).pointer(),
                    "too many branches beside unevaluatedItems or unevaluatedProperties");
        }
        for (int set = 1; set < 1 << branches.size(); set++) {
            Shapes all = Shapes.ALL;
            for (int i = 0; i < branches.size(); i++) {
                if ((set >> i & 1) != 0) {
                    all = algebra.and(all, of(branches.get(i), sign));
                }
            }
            any = algebra.or(any, all);
        }
        return any;
    }

    /**
     * Exactly one branch. Branches that are not disjoint exclude each other, possibly excluding
     * more values than the schema does.
     */
    private Shapes one(JsonNode branches, Sign sign) {
        if (sign.isDenied()) {
            Shapes none = any(branches, sign);
            for (int i = 0; i < branches.size(); i++) {
                for (int j = 0; j < i; j++) {
                    Shapes both =
                            algebra.and(
                                    of(branches.get(i), Sign.ASSERTED),
                                    of(branches.get(j), Sign.ASSERTED));
                    none = algebra.or(none, both);
                }
            }
            return none;
        }
        Shapes one = Shapes.NONE;
        for (int i = 0; i < branches.size(); i++) {
            Shapes alone = of(branches.get(i), Sign.ASSERTED);
            for (int j = 0; j < branches.size(); j++) {
                if (i != j && !areDisjoint(branches.get(i), branches.get(j))) {
                    alone = algebra.and(alone, of(branches.get(j), Sign.DENIED_NARROWLY));
                }
            }
            one = algebra.or(one, alone);
        }
        return one;
    }

    private boolean areDisjoint(JsonNode a, JsonNode b) {
        Shapes both = algebra.and(of(a, Sign.ASSERTED), of(b, Sign.ASSERTED));
        return both.isNone() && !normalizer.isNarrowed();
    }

    private Shapes conditional(JsonNode schema, Sign sign) {
        JsonNode condition = reader.schema(schema, "if", schema.get("if"));
        Shapes then =
                schema.has("then")
                        ? of(reader.schema(schema, "then", schema.get("then")), sign)
                        : sign.isDenied() ? Shapes.NONE : Shapes.ALL;
        Shapes otherwise =
                schema.has("else")
                        ? of(reader.schema(schema, "else", schema.get("else")), sign)
                        : sign.isDenied() ? Shapes.NONE : Shapes.ALL;
        return algebra.or(
                algebra.and(of(condition, Sign.ASSERTED), then),
                algebra.and(of(condition, Sign.DENIED), otherwise));
    }

    private void dependencies(JsonNode schema, String keyword, Sign sign, List<Shapes> parts) {
        Iterator<Map.Entry<String, JsonNode>> fields = reader.object(schema, keyword).fields();
        while (fields.hasNext()) {
            Map.Entry<String, JsonNode> field = fields.next();
            ObjectShape with = ObjectShape.member(field.getKey(), Literals.ANYTHING, true);
            ObjectShape without = ObjectShape.member(field.getKey(), Literals.NOTHING, false);
            Shapes then;
            if (field.getValue().isArray()) {
                then = required(reader.texts(schema, keyword, field.getValue()), sign.isDenied());
            } else {
                then = of(reader.schema(schema, keyword, field.getValue()), sign);
            }
            then = algebra.and(Shapes.NONE.withObjects(List.of(with)), then);
            parts.add(
                    sign.isDenied()
                            ? then
                            : algebra.or(then, Shapes.ALL.withObjects(List.of(without))));
        }
    }

    private Shapes required(List<String> names, boolean denied) {
        if (denied) {
            List<ObjectShape> missing = new ArrayList<>();
            names.forEach(name -> missing.add(ObjectShape.member(name, Literals.NOTHING, false)));
            return Shapes.NONE.withObjects(missing);
        }
        ObjectShape all = ObjectShape.ALL;
        for (String name : names) {
            all = all.and(ObjectShape.member(name, Literals.ANYTHING, true), literals, budget);
        }
        return Shapes.ALL.withObjects(List.of(all));
    }

    private Shapes names(JsonNode schema, Sign sign) {
        JsonNode value = reader.schema(schema, "propertyNames", schema.get("propertyNames"));
        if (sign.isDenied()) {
            if (literals.schema(value, sign) != Literals.NOTHING) {
                reader.cannotDeny(schema, "propertyNames", sign);
            }
            return Shapes.NONE;
        }
        CharDfa allowed = CharDfa.NONE;
        for (StringShape shape : of(value, Sign.ASSERTED).strings()) {
            allowed = allowed.or(unbounded(shape), budget);
        }
        List<Others> others =
                allowed.isEmpty() ? List.of() : List.of(new Others(allowed, Literals.ANYTHING));
        return Shapes.ALL.withObjects(
                List.of(
                        new ObjectShape(
                                Map.of(),
                                others,
                                0,
                                ObjectShape.NO_LIMIT,
                                CharDfa.NONE,
                                List.of())));
    }

    /** The texts of a shape as one automaton, with its lengths. */
    private CharDfa unbounded(StringShape shape) {
        if (shape.hasAnyLength()) {
            return shape.texts();
        }
        return shape.texts().and(CharDfa.ofLengths(shape.least(), shape.most(), budget), budget);
    }
}
