package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.BoundedDfa;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.regex.Formats;
import io.millrace.gpu.sampling.grammar.shape.ArrayShape;
import io.millrace.gpu.sampling.grammar.shape.ItemCounts;
import io.millrace.gpu.sampling.grammar.shape.Literals;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.ObjectShape;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import io.millrace.gpu.sampling.grammar.shape.SchemaLimits;
import io.millrace.gpu.sampling.grammar.shape.Shapes;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A schema of which every part is known to be supported: of every demand that can be reached, the
 * shapes that have a value. Immutable once made.
 */
public final class CompiledSchema {
    private static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build();

    private final Literals literals;
    private final Inhabitation inhabitation;
    private final PropertyOrder order;
    private final Map<Integer, Shapes> shapes = new HashMap<>();
    private final int root;
    private boolean narrow;

    private CompiledSchema(
            Literals literals, Inhabitation inhabitation, PropertyOrder order, int root) {
        this.literals = literals;
        this.inhabitation = inhabitation;
        this.order = order;
        this.root = root;
    }

    /** Reads the text of a schema. */
    public static JsonNode parse(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new SchemaException("$schema", "", "it is no JSON: " + e.getOriginalMessage());
        }
    }

    /**
     * Compiles a schema.
     *
     * @param formats null where formats are annotations
     * @throws SchemaException wrong, not supported, or beyond a limit
     */
    public static CompiledSchema of(JsonNode schema, Formats formats, SchemaLimits limits) {
        if (!schema.isObject() && !schema.isBoolean()) {
            throw new SchemaException("$schema", "", schema + " is no schema");
        }
        refuseHalves(schema);
        SchemaDocument document = new SchemaDocument(schema);
        Literals literals = new Literals(limits.demands(), document.hasUnevaluated());
        Normalizer normalizer = new Normalizer(document, literals, formats, limits);
        Inhabitation inhabitation = new Inhabitation(normalizer, literals);
        int root = literals.schema(schema, Literals.Sign.ASSERTED);
        CompiledSchema compiled =
                new CompiledSchema(literals, inhabitation, new PropertyOrder(document), root);
        compiled.visit(normalizer);
        compiled.narrow = normalizer.isNarrowed();
        if (compiled.narrow && compiled.isEmpty()) {
            throw new SchemaException("oneOf", "", "its branches could not be told apart");
        }
        return compiled;
    }

    /** Half of a surrogate pair is no character: no text has it. */
    private static void refuseHalves(JsonNode node) {
        node.fieldNames().forEachRemaining(CompiledSchema::refuseHalf);
        if (node.isTextual()) {
            refuseHalf(node.textValue());
        }
        node.forEach(CompiledSchema::refuseHalves);
    }

    private static void refuseHalf(String text) {
        if (text.codePoints().anyMatch(c -> c >= 0xD800 && c <= 0xDFFF)) {
            throw new SchemaException("$schema", "", "a string has half of a surrogate pair");
        }
    }

    private void visit(Normalizer normalizer) {
        List<Integer> queue = new ArrayList<>(List.of(root));
        while (!queue.isEmpty()) {
            int demand = queue.remove(queue.size() - 1);
            if (!shapes.containsKey(demand) && has(demand)) {
                Shapes pruned = prunedAtPlace(demand, normalizer.resolved(demand));
                shapes.put(demand, pruned);
                pruned.objects().forEach(shape -> addChildren(shape, queue));
                pruned.arrays().forEach(shape -> addChildren(shape, queue));
            }
        }
    }

    private boolean has(int demand) {
        try {
            return inhabitation.has(demand);
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw refused(demand, e);
        }
    }

    private Shapes prunedAtPlace(int demand, Shapes all) {
        try {
            return pruned(demand, all);
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw refused(demand, e);
        }
    }

    /** The refusal, by the place of the first of a demand's schemas where it has no own. */
    private SchemaException refused(int demand, RuntimeException reason) {
        SchemaException refusal =
                reason instanceof SchemaException known
                        ? known
                        : new SchemaException("pattern", "", reason.getMessage());
        List<JsonNode> nodes = nodes(demand);
        return refusal.pointer().isEmpty() && !nodes.isEmpty()
                ? refusal.at(order.pointer(nodes.get(0)))
                : refusal;
    }

    private static void addChildren(ObjectShape shape, List<Integer> queue) {
        shape.members().values().forEach(member -> queue.add(member.demand()));
        shape.others().forEach(other -> queue.add(other.demand()));
    }

    private void addChildren(ArrayShape shape, List<Integer> queue) {
        for (int i = 0; i <= shape.first().size() && i <= shape.most(); i++) {
            List<Integer> all = new ArrayList<>(List.of(shape.item(i)));
            for (ArrayShape.Contained contained : shape.contained()) {
                List<Integer> more = new ArrayList<>();
                for (int demand : all) {
                    more.add(literals.and(demand, contained.demand()));
                    more.add(literals.and(demand, contained.contrary()));
                }
                all.addAll(more);
            }
            queue.addAll(all);
        }
    }

    private Shapes pruned(int demand, Shapes all) {
        List<ObjectShape> objects = new ArrayList<>();
        List<String> ranked = all.objects().isEmpty() ? List.of() : order.names(nodes(demand));
        for (ObjectShape shape : all.objects()) {
            ObjectShape pruned = pruned(shape, ranked);
            if (pruned != null && !objects.contains(pruned)) {
                objects.add(pruned);
            }
        }
        List<ArrayShape> arrays = new ArrayList<>();
        for (ArrayShape shape : all.arrays()) {
            if (counts(shape).isPossible()) {
                arrays.add(shape);
            }
        }
        return new Shapes(
                all.nothing(),
                all.yes(),
                all.no(),
                all.strings().stream().filter(s -> !texts(s).isEmpty()).toList(),
                all.numbers().stream().filter(n -> !texts(n).isEmpty()).toList(),
                arrays,
                objects);
    }

    private List<JsonNode> nodes(int demand) {
        List<JsonNode> nodes = new ArrayList<>();
        if (demand > Literals.NOTHING) {
            for (int literal : literals.of(demand)) {
                if (!literals.literal(literal).constant()) {
                    nodes.add(literals.literal(literal).node());
                }
            }
        }
        return nodes;
    }

    /** The shape with its members in order; null where no object has it. */
    private ObjectShape pruned(ObjectShape shape, List<String> ranked) {
        Set<String> names = new LinkedHashSet<>();
        if (!shape.members().isEmpty()) {
            // Also those that only other alternatives name: their order is the document's.
            names.addAll(ranked);
        }
        names.addAll(shape.members().keySet());
        Map<String, ObjectShape.Member> members = new LinkedHashMap<>();
        int possible = 0;
        int required = 0;
        for (String name : names) {
            ObjectShape.Member member = shape.member(name);
            boolean has = inhabitation.has(member.demand());
            if (!has && member.required()) {
                return null;
            }
            possible += has ? 1 : 0;
            required += member.required() ? 1 : 0;
            members.put(name, has ? member : new ObjectShape.Member(Literals.NOTHING, false));
        }
        List<ObjectShape.Others> others =
                shape.others().stream().filter(o -> inhabitation.has(o.demand())).toList();
        if (required > shape.most() || others.isEmpty() && possible < shape.least()) {
            return null;
        }
        if (shape.least() > possible + 1) {
            throw new SchemaException(
                    "minProperties",
                    "",
                    "more than one member of a free name is asked for, and names could be equal");
        }
        return new ObjectShape(
                members, others, shape.least(), shape.most(), CharDfa.NONE, List.of());
    }

    /** The demand of the whole text. */
    public int root() {
        return root;
    }

    /** About the bytes that it holds, with what positions know of its automata. */
    public long bytes() {
        long bytes = order.bytes();
        for (Shapes all : shapes.values()) {
            bytes += 500;
            for (StringShape shape : all.strings()) {
                BoundedDfa texts = texts(shape);
                long known =
                        texts.texts().isAny() ? 0 : 4L * texts.least() * texts.texts().states();
                bytes += texts.bytes() + known + 3 * texts.texts().bytes();
            }
            for (NumberShape shape : all.numbers()) {
                bytes += 3 * texts(shape).bytes();
            }
            for (ArrayShape shape : all.arrays()) {
                bytes += 200 + 20L * shape.first().size();
            }
            for (ObjectShape shape : all.objects()) {
                bytes += 200 + 300L * shape.members().size();
                bytes += shape.others().stream().mapToLong(o -> 3 * o.names().bytes()).sum();
            }
        }
        return bytes;
    }

    /** Whether no value is valid. */
    public boolean isEmpty() {
        return !inhabitation.has(root);
    }

    /** Whether some valid values are left out, because no automaton tells them from others. */
    public boolean isNarrow() {
        return narrow;
    }

    /** The shapes of a demand, without those that have no value. */
    public Shapes shapes(int demand) {
        return shapes.getOrDefault(demand, Shapes.NONE);
    }

    /** The texts of a string shape. */
    public BoundedDfa texts(StringShape shape) {
        return inhabitation.bounded(shape);
    }

    /** The JSON texts of a number shape. */
    public CharDfa texts(NumberShape shape) {
        return inhabitation.texts(shape);
    }

    /** Which items may follow each other in an array. */
    public ItemCounts counts(ArrayShape shape) {
        return new ItemCounts(shape, literals, inhabitation::has);
    }

    /** The order of members. */
    public PropertyOrder order() {
        return order;
    }
}
