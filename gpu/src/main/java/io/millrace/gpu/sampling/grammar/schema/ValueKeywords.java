package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.shape.Algebra;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.Literals.Sign;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code type, enum, const}. */
final class ValueKeywords {
    private final Reader reader;
    private final Draft draft;
    private final Literals literals;
    private final Algebra algebra;

    ValueKeywords(Reader reader, Draft draft, Literals literals, Algebra algebra) {
        this.reader = reader;
        this.draft = draft;
        this.literals = literals;
        this.algebra = algebra;
    }

    /** The values of the types, or all others. */
    Shapes types(JsonNode schema, boolean denied) {
        JsonNode value = schema.get("type");
        List<String> names =
                value.isTextual()
                        ? List.of(value.textValue())
                        : reader.texts(schema, "type", value);
        Set<String> known =
                Set.of("null", "boolean", "string", "integer", "number", "array", "object");
        for (String name : names) {
            if (!known.contains(name)) {
                throw reader.refused(schema, "type", "'" + name + "' is not a type");
            }
        }
        boolean integers = names.contains("integer") && !names.contains("number");
        List<NumberShape> numbers = some(NumberShape.ALL, names.contains("number") != denied);
        if (integers) {
            BigDecimal one = BigDecimal.ONE;
            numbers =
                    denied
                            ? List.of(NumberShape.noMultiplesOf(one))
                            : List.of(NumberShape.multiplesOf(one, draft == Draft.DRAFT_4));
        }
        return new Shapes(
                names.contains("null") != denied,
                names.contains("boolean") != denied,
                names.contains("boolean") != denied,
                some(StringShape.ALL, names.contains("string") != denied),
                numbers,
                some(ArrayShape.ALL, names.contains("array") != denied),
                some(ObjectShape.ALL, names.contains("object") != denied));
    }

    private static <T> List<T> some(T all, boolean allowed) {
        return allowed ? List.of(all) : List.of();
    }

    /** The values of a list, or all others; its strings become one automaton. */
    Shapes listed(JsonNode schema, Iterable<JsonNode> values, Sign sign) {
        List<String> strings = new ArrayList<>();
        Shapes all = sign.isDenied() ? Shapes.ALL : Shapes.NONE;
        for (JsonNode value : values) {
            if (value.isTextual()) {
                strings.add(value.textValue());
            } else if (sign.isDenied()) {
                all = algebra.and(all, constant(schema, value, sign));
            } else {
                all = algebra.or(all, constant(schema, value, sign));
            }
        }
        if (strings.isEmpty()) {
            return all;
        }
        CharDfa texts = CharDfa.ofTexts(strings);
        StringShape shape = new StringShape(texts, 0, StringShape.NO_LIMIT);
        return sign.isDenied()
                ? algebra.and(all, Shapes.ALL.withStrings(shape.not()))
                : algebra.or(all, Shapes.NONE.withStrings(List.of(shape)));
    }

    /** The keyword of a constant; for a value within a constant, {@code const}. */
    private static String constantKeyword(JsonNode schema) {
        return schema.has("enum") && !schema.has("const") ? "enum" : "const";
    }

    /** One value, or all others. */
    Shapes constant(JsonNode schema, JsonNode value, Sign sign) {
        boolean denied = sign.isDenied();
        Shapes base = denied ? Shapes.ALL : Shapes.NONE;
        switch (value.getNodeType()) {
            case STRING:
                return listed(schema, List.of(value), sign);
            case NUMBER:
                NumberShape number =
                        NumberShape.only(reader.exact(schema, constantKeyword(schema), value));
                return base.withNumbers(denied ? number.not() : List.of(number));
            case ARRAY:
                return base.withArrays(denied ? otherArrays(value, sign) : List.of(array(value)));
            case OBJECT:
                return base.withObjects(
                        denied ? otherObjects(schema, value, sign) : List.of(object(value)));
            case BOOLEAN:
                boolean yes = value.booleanValue();
                return new Shapes(
                        base.nothing(),
                        yes != denied,
                        yes == denied,
                        base.strings(),
                        base.numbers(),
                        base.arrays(),
                        base.objects());
            default:
                return new Shapes(
                        !denied,
                        base.yes(),
                        base.no(),
                        base.strings(),
                        base.numbers(),
                        base.arrays(),
                        base.objects());
        }
    }

    private ArrayShape array(JsonNode value) {
        List<Integer> items = new ArrayList<>();
        value.forEach(item -> items.add(literals.constant(item, Sign.ASSERTED)));
        return new ArrayShape(items, Literals.NOTHING, items.size(), items.size(), List.of(), 0);
    }

    private List<ArrayShape> otherArrays(JsonNode value, Sign sign) {
        List<ArrayShape> others = new ArrayList<>();
        if (!value.isEmpty()) {
            others.add(ArrayShape.count(0, value.size() - 1));
        }
        others.add(ArrayShape.count(value.size() + 1, ArrayShape.NO_LIMIT));
        for (int i = 0; i < value.size(); i++) {
            List<Integer> items = new ArrayList<>();
            for (int before = 0; before < i; before++) {
                items.add(Literals.ANYTHING);
            }
            items.add(literals.constant(value.get(i), sign));
            others.add(
                    ArrayShape.items(items, Literals.ANYTHING, 0)
                            .and(ArrayShape.count(i + 1, ArrayShape.NO_LIMIT), literals));
        }
        return others;
    }

    private ObjectShape object(JsonNode value) {
        Map<String, ObjectShape.Member> members = new LinkedHashMap<>();
        value.fields()
                .forEachRemaining(
                        field ->
                                members.put(
                                        field.getKey(),
                                        new ObjectShape.Member(
                                                literals.constant(field.getValue(), Sign.ASSERTED),
                                                true)));
        return new ObjectShape(
                members, List.of(), 0, ObjectShape.NO_LIMIT, CharDfa.NONE, List.of());
    }

    private List<ObjectShape> otherObjects(JsonNode schema, JsonNode value, Sign sign) {
        List<ObjectShape> others = new ArrayList<>();
        if (value.isEmpty()) {
            others.add(ObjectShape.count(1, ObjectShape.NO_LIMIT));
            return others;
        }
        List<String> names = new ArrayList<>();
        value.fieldNames().forEachRemaining(names::add);
        others.add(
                ObjectShape.some(
                        new ObjectShape.Some(
                                CharDfa.ofTexts(names).not(),
                                Literals.ANYTHING,
                                sign,
                                schema,
                                "const")));
        value.fields()
                .forEachRemaining(
                        field -> {
                            String name = field.getKey();
                            int other = literals.constant(field.getValue(), sign);
                            others.add(ObjectShape.member(name, Literals.NOTHING, false));
                            others.add(ObjectShape.member(name, other, true));
                        });
        return others;
    }
}
