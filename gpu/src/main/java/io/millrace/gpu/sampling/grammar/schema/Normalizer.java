package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.regex.Formats;
import io.millrace.gpu.sampling.grammar.shape.Algebra;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.Keywords;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.Literals.Literal;
import io.millrace.gpu.sampling.grammar.shape.Literals.Sign;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import io.millrace.gpu.sampling.grammar.shape.SchemaLimits;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds the {@link Shapes} of a demand: for each schema the intersection of its keywords' sets (the
 * union, if the schema is denied), then the intersection of all schemas of the demand. Inner values
 * stay demands, so that recursion ends.
 */
final class Normalizer {
    /** Maximum nesting of schemas of the same value, which is the depth of recursion. */
    private static final int MAX_DEPTH = 200;

    private final SchemaDocument document;
    private final Literals literals;
    private final Reader reader;
    private final Algebra algebra;
    private final Budget budget;
    private final ValueKeywords values;
    private final StringKeywords strings;
    private final NumberKeywords numbers;
    private final ArrayKeywords arrays;
    private final ObjectKeywords objects;
    private final LogicKeywords logic;
    private final Map<Integer, Shapes> known = new HashMap<>();
    private final Map<Integer, Shapes> resolved = new HashMap<>();
    private final SomeMembers someMembers;
    private final Set<Integer> open = new HashSet<>();

    /**
     * @param formats null if formats are annotations
     */
    Normalizer(SchemaDocument document, Literals literals, Formats formats, SchemaLimits limits) {
        this.document = document;
        this.literals = literals;
        budget = new Budget(limits.states(), limits.steps());
        reader = new Reader(document);
        algebra = new Algebra(literals, limits, budget, this::isPlainlyNothing);
        values = new ValueKeywords(reader, document.draft(), literals, algebra);
        strings = new StringKeywords(reader, formats, budget);
        numbers = new NumberKeywords(reader);
        arrays = new ArrayKeywords(reader, literals);
        objects = new ObjectKeywords(reader, literals, strings, budget);
        someMembers = new SomeMembers(reader, literals, budget);
        logic = new LogicKeywords(this, reader, document, literals, algebra, budget);
    }

    /** The budget of all automata of the schema. */
    Budget budget() {
        return budget;
    }

    /** Whether some values are excluded that the schema allows. */
    boolean isNarrowed() {
        return reader.isNarrowed();
    }

    /**
     * The values of a demand, with {@link ObjectShape#some} of objects resolved to named members.
     */
    Shapes resolved(int demand) {
        Shapes shapes = resolved.get(demand);
        if (shapes == null) {
            shapes = of(demand);
            if (shapes.objects().stream().anyMatch(shape -> !shape.some().isEmpty())) {
                List<ObjectShape> objects = new ArrayList<>();
                for (ObjectShape shape : shapes.objects()) {
                    objects.addAll(someMembers.resolve(shape));
                }
                shapes = shapes.withObjects(objects);
            }
            resolved.put(demand, shapes);
        }
        return shapes;
    }

    /** The values of a demand. */
    Shapes of(int demand) {
        Shapes shapes = known.get(demand);
        if (shapes == null) {
            shapes = demand == Literals.NOTHING ? Shapes.NONE : Shapes.ALL;
            if (demand > Literals.NOTHING) {
                shapes = all(literals.of(demand));
            }
            known.put(demand, shapes);
        }
        return shapes;
    }

    private Shapes all(int[] demand) {
        Shapes shapes = Shapes.ALL;
        for (int literal : demand) {
            try {
                shapes = algebra.and(shapes, ofLiteral(literal));
            } catch (Algebra.TooManyException e) {
                JsonNode node = literals.literal(literal).node();
                throw reader.refused(node, Keywords.firstLogical(node), e.getMessage());
            }
        }
        return shapes;
    }

    /**
     * The values of a demand that applies to the current value.
     *
     * @throws SchemaException the demand refers to itself without a step into the value
     */
    Shapes inPlace(int demand) {
        boolean deep = open.size() >= MAX_DEPTH;
        if (deep || !open.add(demand)) {
            Literal literal = literals.literal(literals.of(demand)[0]);
            if (deep) {
                throw reader.refused(
                        literal.node(),
                        literal.node().has("$ref") ? "$ref" : Keywords.firstLogical(literal.node()),
                        ("more than %d references and schemas lead to it one after the other; refer"
                                        + " to it by fewer steps")
                                .formatted(MAX_DEPTH));
            }
            throw reader.refused(
                    literal.node(), "$ref", "it refers to itself without a step into the value");
        }
        try {
            return of(demand);
        } finally {
            open.remove(demand);
        }
    }

    private Shapes ofLiteral(int number) {
        Literal literal = literals.literal(number);
        JsonNode node = literal.node();
        try {
            if (literal.constant()) {
                return values.constant(node, node, literal.sign());
            }
            return ofSchema(node, literal.sign());
        } catch (AutomatonTooLargeException e) {
            throw reader.refused(node, "pattern", e.getMessage());
        }
    }

    private Shapes ofSchema(JsonNode schema, Sign sign) {
        List<Shapes> parts = new ArrayList<>();
        for (String keyword : List.of("$recursiveRef", "extends", "disallow", "divisibleBy")) {
            if (schema.has(keyword)) {
                throw reader.refused(schema, keyword, "it belongs to another draft");
            }
        }
        if (schema.has("$ref") && !document.draft().refHasSiblings()) {
            logic.addReference(schema, sign, parts);
            return parts.get(0);
        }
        addOwn(schema, sign, parts);
        logic.addParts(schema, sign, parts);
        Shapes all = sign.isDenied() ? Shapes.NONE : Shapes.ALL;
        for (Shapes part : parts) {
            all = sign.isDenied() ? algebra.or(all, part) : algebra.and(all, part);
        }
        if (!literals.tracks()) {
            return all;
        }
        return sign.isDenied() ? forgotten(schema, all, sign) : unevaluated(schema, all);
    }

    private void addOwn(JsonNode schema, Sign sign, List<Shapes> parts) {
        boolean denied = sign.isDenied();
        if (schema.has("type")) {
            parts.add(values.types(schema, denied));
        }
        if (schema.has("enum")) {
            if (!schema.get("enum").isArray()) {
                throw reader.refused(schema, "enum", schema.get("enum") + " is not a list");
            }
            parts.add(values.listed(schema, schema.get("enum"), sign));
        }
        if (schema.has("const")) {
            parts.add(values.constant(schema, schema.get("const"), sign));
        }
        StringShape string = strings.shape(schema);
        NumberShape number = numbers.shape(schema);
        if (denied) {
            parts.add(
                    new Shapes(
                            false,
                            false,
                            false,
                            string.equals(StringShape.ALL) ? List.of() : string.not(),
                            number.not(),
                            arrays.denied(schema, sign),
                            objects.denied(schema, sign)));
            return;
        }
        ArrayShape array = arrays.shape(schema);
        ObjectShape object = objects.shape(schema);
        parts.add(
                Shapes.ALL
                        .withStrings(string.isPlainlyEmpty() ? List.of() : List.of(string))
                        .withNumbers(number.isPlainlyEmpty() ? List.of() : List.of(number))
                        .withArrays(array.isPlainlyEmpty() ? List.of() : List.of(array))
                        .withObjects(object.isPlainlyEmpty() ? List.of() : List.of(object)));
    }

    private Shapes unevaluated(JsonNode schema, Shapes all) {
        Shapes shapes = all;
        if (schema.has("unevaluatedProperties")) {
            JsonNode value = schema.get("unevaluatedProperties");
            int demand =
                    literals.schema(
                            reader.schema(schema, "unevaluatedProperties", value), Sign.ASSERTED);
            List<ObjectShape> objects = new ArrayList<>();
            for (ObjectShape shape : shapes.objects()) {
                objects.add(shape.withUnevaluated(demand, literals, budget));
            }
            objects.removeIf(ObjectShape::isPlainlyEmpty);
            shapes = shapes.withObjects(objects);
        }
        if (schema.has("unevaluatedItems")) {
            JsonNode value = schema.get("unevaluatedItems");
            int demand =
                    literals.schema(
                            reader.schema(schema, "unevaluatedItems", value), Sign.ASSERTED);
            List<ArrayShape> arrays = new ArrayList<>();
            for (ArrayShape shape : shapes.arrays()) {
                boolean contains = schema.has("contains") || !shape.contained().isEmpty();
                if (contains && demand != Literals.ANYTHING) {
                    throw reader.refused(schema, "unevaluatedItems", "beside 'contains'");
                }
                arrays.add(shape.withUnevaluated(demand, literals));
            }
            arrays.removeIf(ArrayShape::isPlainlyEmpty);
            shapes = shapes.withArrays(arrays);
        }
        return shapes;
    }

    /** A denied schema evaluates no properties and items. */
    private Shapes forgotten(JsonNode schema, Shapes all, Sign sign) {
        for (String keyword : List.of("unevaluatedProperties", "unevaluatedItems")) {
            if (schema.has(keyword)) {
                reader.cannotDeny(schema, keyword, sign);
            }
        }
        return all.withObjects(
                        all.objects().stream().map(s -> s.withEvaluated(CharDfa.NONE)).toList())
                .withArrays(all.arrays().stream().map(s -> s.withEvaluated(0)).toList());
    }

    /** Whether keywords without subschemas show that no value satisfies a demand. */
    private boolean isPlainlyNothing(int demand) {
        if (demand <= Literals.NOTHING) {
            return demand == Literals.NOTHING;
        }
        for (int number : literals.of(demand)) {
            Literal literal = literals.literal(number);
            boolean plain =
                    literal.constant()
                            ? literal.node().isValueNode()
                            : Keywords.arePlain(literal.node());
            if (!plain) {
                return false;
            }
        }
        return of(demand).isNone();
    }
}
