package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The order of an object's members: that of {@code properties} in the schema itself, then in the
 * schemas that apply to the same value, in document order.
 */
public final class PropertyOrder {
    private static final List<String> LISTS = List.of("allOf", "anyOf", "oneOf");
    private static final List<String> ONES = List.of("if", "then", "else", "not");

    private final SchemaDocument document;
    private final Map<JsonNode, List<JsonNode>> beside = new IdentityHashMap<>();

    PropertyOrder(SchemaDocument document) {
        this.document = document;
    }

    /** JSON pointer of a schema. */
    String pointer(JsonNode schema) {
        return document.location(schema).pointer();
    }

    /** Estimated bytes of the document. */
    long bytes() {
        return document.bytes();
    }

    /** The whole document's schema. */
    public List<JsonNode> root() {
        return List.of(document.root());
    }

    /** The names of members that the schemas mention, in order. */
    public List<String> names(List<JsonNode> schemas) {
        Set<String> names = new LinkedHashSet<>();
        for (JsonNode schema : applied(schemas)) {
            schema.path("properties").fieldNames().forEachRemaining(names::add);
        }
        for (JsonNode schema : applied(schemas)) {
            JsonNode constant = schema.path("const");
            constant.fieldNames().forEachRemaining(names::add);
            schema.path("enum").forEach(v -> v.fieldNames().forEachRemaining(names::add));
            schema.path("required").forEach(name -> names.add(name.asText()));
            for (String keyword : List.of("dependentRequired", "dependencies")) {
                schema.path(keyword).fields().forEachRemaining(field -> dependent(field, names));
            }
            schema.path("dependentSchemas").fieldNames().forEachRemaining(names::add);
        }
        return new ArrayList<>(names);
    }

    private static void dependent(Map.Entry<String, JsonNode> field, Set<String> names) {
        if (field.getValue().isArray()) {
            field.getValue().forEach(name -> names.add(name.asText()));
        }
        names.add(field.getKey());
    }

    /** The schemas that can apply to a member. */
    public List<JsonNode> member(List<JsonNode> schemas, String name) {
        List<JsonNode> found = new ArrayList<>();
        for (JsonNode schema : applied(schemas)) {
            JsonNode own = schema.path("properties").path(name);
            if (own.isObject()) {
                found.add(own);
            }
        }
        if (found.isEmpty()) {
            for (JsonNode schema : applied(schemas)) {
                schema.path("patternProperties").forEach(found::add);
                found.add(schema.path("additionalProperties"));
            }
        }
        return found;
    }

    /** The schemas that can apply to an item. */
    public List<JsonNode> item(List<JsonNode> schemas, int index) {
        List<JsonNode> found = new ArrayList<>();
        for (JsonNode schema : applied(schemas)) {
            JsonNode list = schema.path(schema.path("items").isArray() ? "items" : "prefixItems");
            boolean listed = list.isArray() && index < list.size();
            found.add(listed ? list.get(index) : schema.path("items"));
            found.add(schema.path("additionalItems"));
        }
        return found;
    }

    private List<JsonNode> applied(List<JsonNode> schemas) {
        List<JsonNode> all = new ArrayList<>();
        if (schemas.size() == 1) {
            return applied(schemas.get(0));
        }
        schemas.stream()
                .filter(JsonNode::isObject)
                .sorted(Comparator.comparingInt(s -> document.location(s).order()))
                .forEach(s -> all.addAll(applied(s)));
        return all;
    }

    /** A schema and those that apply to the same value. */
    private List<JsonNode> applied(JsonNode schema) {
        List<JsonNode> known = beside.get(schema);
        if (known == null) {
            known = new ArrayList<>();
            collect(schema, known);
            beside.put(schema, known);
        }
        return known;
    }

    /** Collects without recursion, because chains of references can be long. */
    private void collect(JsonNode start, List<JsonNode> all) {
        Map<JsonNode, Boolean> seen = new IdentityHashMap<>();
        Deque<JsonNode> open = new ArrayDeque<>(List.of(start));
        while (!open.isEmpty()) {
            JsonNode schema = open.pop();
            if (!schema.isObject() || seen.put(schema, true) != null) {
                continue;
            }
            boolean refers = schema.path("$ref").isTextual();
            boolean siblings = !refers || document.draft().refHasSiblings();
            List<JsonNode> next = new ArrayList<>();
            if (refers) {
                next.add(document.resolve(schema, "$ref", schema.get("$ref").textValue()));
            }
            if (siblings) {
                all.add(schema);
                addBeside(schema, next);
            }
            for (int i = next.size() - 1; i >= 0; i--) {
                open.push(next.get(i));
            }
        }
    }

    private static void addBeside(JsonNode schema, List<JsonNode> next) {
        for (String list : LISTS) {
            schema.path(list).forEach(next::add);
        }
        for (String one : ONES) {
            next.add(schema.path(one));
        }
        schema.path("dependentSchemas").forEach(next::add);
        schema.path("dependencies").forEach(next::add);
    }
}
