package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * The schemas within one document, and the resolution of references between them. References lead
 * to the document itself only: no file and no URL is opened.
 */
final class SchemaDocument {
    private static final List<String> ONE =
            List.of(
                    "items",
                    "additionalItems",
                    "contains",
                    "additionalProperties",
                    "propertyNames",
                    "not",
                    "if",
                    "then",
                    "else",
                    "unevaluatedItems",
                    "unevaluatedProperties",
                    "contentSchema");
    private static final List<String> NAMED =
            List.of(
                    "properties",
                    "patternProperties",
                    "$defs",
                    "definitions",
                    "dependentSchemas",
                    "dependencies");
    private static final List<String> LISTS =
            List.of("allOf", "anyOf", "oneOf", "prefixItems", "items");
    private static final int MAX_DEPTH = 200;

    /**
     * The location of a schema.
     *
     * @param base URI of its resource
     * @param pointer JSON pointer within the document
     * @param order index in document order
     */
    record Location(String base, String pointer, int order) {}

    private final JsonNode root;
    private final Draft draft;
    private final Map<JsonNode, Location> locations = new IdentityHashMap<>();
    private final Map<String, JsonNode> resources = new HashMap<>();
    private final Map<String, JsonNode> anchors = new HashMap<>();
    private final Map<String, Integer> dynamicAnchors = new HashMap<>();
    private boolean unevaluated;

    SchemaDocument(JsonNode root) {
        this.root = root;
        JsonNode name = root.path("$schema");
        this.draft = Draft.of(name.isTextual() ? name.textValue() : null);
        resources.put("", root);
        index(root, new Location("", "", 0), 0);
    }

    /** Estimated bytes. */
    long bytes() {
        return 500L * locations.size();
    }

    JsonNode root() {
        return root;
    }

    Draft draft() {
        return draft;
    }

    /** Whether some schema has {@code unevaluatedItems} or {@code unevaluatedProperties}. */
    boolean hasUnevaluated() {
        return unevaluated;
    }

    Location location(JsonNode schema) {
        return locations.getOrDefault(schema, new Location("", "", 0));
    }

    private void index(JsonNode schema, Location outer, int depth) {
        if (!schema.isObject() || locations.containsKey(schema)) {
            return;
        }
        if (depth > MAX_DEPTH) {
            throw new SchemaException("$schema", outer.pointer, "deeper than " + MAX_DEPTH);
        }
        boolean refOnly = schema.has("$ref") && !draft.refHasSiblings();
        Location location = identify(schema, outer, refOnly);
        locations.put(schema, location);
        unevaluated |= schema.has("unevaluatedProperties") || schema.has("unevaluatedItems");
        for (String keyword : ONE) {
            visit(schema.path(keyword), location, "/" + keyword, depth);
        }
        for (String keyword : NAMED) {
            if (schema.path(keyword).isObject()) {
                Iterator<Map.Entry<String, JsonNode>> fields = schema.get(keyword).fields();
                while (fields.hasNext()) {
                    Map.Entry<String, JsonNode> field = fields.next();
                    visit(field.getValue(), location, "/" + keyword + "/" + escaped(field), depth);
                }
            }
        }
        for (String keyword : LISTS) {
            JsonNode list = schema.path(keyword);
            for (int i = 0; list.isArray() && i < list.size(); i++) {
                visit(list.get(i), location, "/" + keyword + "/" + i, depth);
            }
        }
    }

    private static String escaped(Map.Entry<String, JsonNode> field) {
        return field.getKey().replace("~", "~0").replace("/", "~1");
    }

    private void visit(JsonNode schema, Location outer, String step, int depth) {
        index(schema, new Location(outer.base, outer.pointer + step, 0), depth + 1);
    }

    private Location identify(JsonNode schema, Location outer, boolean refOnly) {
        String base = outer.base;
        if (refOnly) {
            return new Location(base, outer.pointer, locations.size());
        }
        JsonNode id = schema.path(draft == Draft.DRAFT_4 ? "id" : "$id");
        if (id.isTextual()) {
            String name = id.textValue();
            if (name.startsWith("#")) {
                anchors.put(base + name, schema);
            } else {
                String uri = resolve(base, name, outer.pointer);
                base = uri.indexOf('#') < 0 ? uri : uri.substring(0, uri.indexOf('#'));
                resources.putIfAbsent(base, schema);
            }
        }
        if (schema.path("$anchor").isTextual()) {
            anchors.put(base + "#" + schema.get("$anchor").textValue(), schema);
        }
        if (schema.path("$dynamicAnchor").isTextual()) {
            String name = schema.get("$dynamicAnchor").textValue();
            anchors.put(base + "#" + name, schema);
            dynamicAnchors.merge(name, 1, Integer::sum);
        }
        return new Location(base, outer.pointer, locations.size());
    }

    /**
     * The schema that a reference names.
     *
     * @throws SchemaException the document does not contain it
     */
    JsonNode resolve(JsonNode schema, String keyword, String reference) {
        Location from = location(schema);
        String uri = resolve(from.base, reference, from.pointer);
        int hash = uri.indexOf('#');
        String resource = hash < 0 ? uri : uri.substring(0, hash);
        String fragment = hash < 0 ? "" : decoded(uri.substring(hash + 1), from);
        JsonNode start = resources.get(resource);
        JsonNode target = null;
        if (fragment.isEmpty()) {
            target = start;
        } else if (!fragment.startsWith("/")) {
            target = anchors.get(resource + "#" + fragment);
        } else if (start != null) {
            target = walk(start, fragment, location(start));
        }
        if (target == null) {
            throw new SchemaException(
                    keyword,
                    from.pointer,
                    "'" + reference + "' is not in this document, and no other document is opened");
        }
        return target;
    }

    /**
     * The schema that a {@code $dynamicRef} names, if it is the same in every dynamic scope.
     *
     * @throws SchemaException it depends on the dynamic scope
     */
    JsonNode resolveDynamic(JsonNode schema, String reference) {
        JsonNode target = resolve(schema, "$dynamicRef", reference);
        String fragment = reference.substring(reference.indexOf('#') + 1);
        boolean dynamic = fragment.equals(target.path("$dynamicAnchor").textValue());
        if (dynamic && dynamicAnchors.getOrDefault(fragment, 0) > 1) {
            throw new SchemaException(
                    "$dynamicRef",
                    location(schema).pointer,
                    "the document has more than one $dynamicAnchor '" + fragment + "'");
        }
        return target;
    }

    private JsonNode walk(JsonNode start, String fragment, Location first) {
        JsonNode node = start;
        String base = first.base;
        for (String step : fragment.substring(1).split("/", -1)) {
            String name = step.replace("~1", "/").replace("~0", "~");
            if (node.isArray()) {
                node = name.matches("[0-9]{1,9}") ? node.get(Integer.parseInt(name)) : null;
            } else {
                node = node.get(name);
            }
            if (node == null) {
                return null;
            }
            base = locations.containsKey(node) ? locations.get(node).base : base;
        }
        // A reference makes a schema of a value that is not under a known keyword.
        index(node, new Location(base, first.pointer + fragment, 0), 0);
        return node;
    }

    private static String decoded(String fragment, Location from) {
        try {
            return URLDecoder.decode(fragment.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new SchemaException(
                    "$ref", from.pointer, "'#" + fragment + "' is not a valid fragment");
        }
    }

    private static String resolve(String base, String reference, String pointer) {
        if (reference.startsWith("#")) {
            return base + reference;
        }
        try {
            URI uri = URI.create(reference);
            return base.isEmpty() || uri.isAbsolute()
                    ? reference
                    : URI.create(base).resolve(uri).toString();
        } catch (IllegalArgumentException e) {
            throw new SchemaException(
                    "$ref", pointer, "'" + reference + "' is not a URI reference");
        }
    }
}
