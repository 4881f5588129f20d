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
 * A schema with the shapes of all reachable demands, without shapes that no value has. Every part
 * of it is supported. Immutable.
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

    /** Parses the text of a schema. */
    public static JsonNode parse(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new SchemaException("$schema", "", "it is not JSON: " + e.getOriginalMessage());
        }
    }

    /**
     * Compiles a schema.
     *
     * @param formats null if formats are annotations
     * @throws SchemaException the schema is invalid, not supported, or exceeds a limit
     */
    public static CompiledSchema of(JsonNode schema, Formats formats, SchemaLimits limits) {
        if (!schema.isObject() && !schema.isBoolean()) {
            throw new SchemaException("$schema", "", schema + " is not a schema");
        }
        refuseLoneSurrogates(schema);
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

    /** A lone surrogate is not a character: no text contains it. */
    private static void refuseLoneSurrogates(JsonNode node) {
        node.fieldNames().forEachRemaining(CompiledSchema::refuseLoneSurrogate);
        if (node.isTextual()) {
            refuseLoneSurrogate(node.textValue());
        }
        node.forEach(CompiledSchema::refuseLoneSurrogates);
    }

    private static void refuseLoneSurrogate(String text) {
        if (text.codePoints().anyMatch(c -> c >= 0xD800 && c <= 0xDFFF)) {
            throw new SchemaException("$schema", "", "a string has a lone surrogate");
        }
    }

    private void visit(Normalizer normalizer) {
        List<Integer> queue = new ArrayList<>(List.of(root));
        while (!queue.isEmpty()) {
            int demand = queue.remove(queue.size() - 1);
            if (!shapes.containsKey(demand) && has(demand)) {
                Shapes pruned = prunedOrRefused(demand, normalizer.resolved(demand));
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

    private Shapes prunedOrRefused(int demand, Shapes all) {
        try {
            return pruned(demand, all);
        } catch (AutomatonTooLargeException | SchemaException e) {
            throw refused(demand, e);
        }
    }

    /** The refusal; if it has no location, with that of the demand's first schema. */
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

    /** The shape with its members in order; null if no object has it. */
    private ObjectShape pruned(ObjectShape shape, List<String> ranked) {
        Set<String> names = new LinkedHashSet<>();
        if (!shape.members().isEmpty()) {
            // Include names of other alternatives, so that the order is that of the document.
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
                    "it needs more than one member without a fixed name, and such names could be equal");
        }
        return new ObjectShape(
                members, others, shape.least(), shape.most(), CharDfa.NONE, List.of());
    }

    /** The demand of the whole value. */
    public int root() {
        return root;
    }

    /** Estimated bytes, with the costs that positions keep for its automata. */
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

    /** Whether some valid values are excluded, because no automaton can tell them from others. */
    public boolean isNarrow() {
        return narrow;
    }

    /** The shapes of a demand, without those that no value has. */
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

    /** The items that may follow each other in an array. */
    public ItemCounts counts(ArrayShape shape) {
        return new ItemCounts(shape, literals, inhabitation::has);
    }

    /** The order of members. */
    public PropertyOrder order() {
        return order;
    }
}
