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
 * The schemas within one document and what their references mean. Whatever a reference names lies
 * in the document: no file and no URL is ever opened.
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
    private static final int DEEPEST = 200;

    /**
     * Where a schema stands.
     *
     * @param base the URI of the resource that it belongs to
     * @param order which one it is of the document's schemas
     */
    record Place(String base, String pointer, int order) {}

    private final JsonNode root;
    private final Draft draft;
    private final Map<JsonNode, Place> places = new IdentityHashMap<>();
    private final Map<String, JsonNode> resources = new HashMap<>();
    private final Map<String, JsonNode> anchors = new HashMap<>();
    private final Map<String, Integer> dynamicAnchors = new HashMap<>();
    private boolean unevaluated;

    SchemaDocument(JsonNode root) {
        this.root = root;
        JsonNode name = root.path("$schema");
        this.draft = Draft.of(name.isTextual() ? name.textValue() : null);
        resources.put("", root);
        index(root, new Place("", "", 0), 0);
    }

    /** About the bytes that it holds. */
    long bytes() {
        return 500L * places.size();
    }

    JsonNode root() {
        return root;
    }

    Draft draft() {
        return draft;
    }

    /** Whether a schema asks what others have evaluated. */
    boolean hasUnevaluated() {
        return unevaluated;
    }

    Place place(JsonNode schema) {
        return places.getOrDefault(schema, new Place("", "", 0));
    }

    private void index(JsonNode schema, Place outer, int depth) {
        if (!schema.isObject() || places.containsKey(schema)) {
            return;
        }
        if (depth > DEEPEST) {
            throw new SchemaException("$schema", outer.pointer, "deeper than " + DEEPEST);
        }
        boolean refOnly = schema.has("$ref") && !draft.refHasSiblings();
        Place place = identify(schema, outer, refOnly);
        places.put(schema, place);
        unevaluated |= schema.has("unevaluatedProperties") || schema.has("unevaluatedItems");
        for (String keyword : ONE) {
            visit(schema.path(keyword), place, "/" + keyword, depth);
        }
        for (String keyword : NAMED) {
            if (schema.path(keyword).isObject()) {
                Iterator<Map.Entry<String, JsonNode>> fields = schema.get(keyword).fields();
                while (fields.hasNext()) {
                    Map.Entry<String, JsonNode> field = fields.next();
                    visit(field.getValue(), place, "/" + keyword + "/" + escaped(field), depth);
                }
            }
        }
        for (String keyword : LISTS) {
            JsonNode list = schema.path(keyword);
            for (int i = 0; list.isArray() && i < list.size(); i++) {
                visit(list.get(i), place, "/" + keyword + "/" + i, depth);
            }
        }
    }

    private static String escaped(Map.Entry<String, JsonNode> field) {
        return field.getKey().replace("~", "~0").replace("/", "~1");
    }

    private void visit(JsonNode schema, Place outer, String step, int depth) {
        index(schema, new Place(outer.base, outer.pointer + step, 0), depth + 1);
    }

    private Place identify(JsonNode schema, Place outer, boolean refOnly) {
        String base = outer.base;
        if (refOnly) {
            return new Place(base, outer.pointer, places.size());
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
        return new Place(base, outer.pointer, places.size());
    }

    /**
     * The schema that a reference means.
     *
     * @throws SchemaException there is none in the document
     */
    JsonNode resolve(JsonNode schema, String keyword, String reference) {
        Place from = place(schema);
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
            target = walk(start, fragment, place(start));
        }
        if (target == null) {
            throw new SchemaException(
                    keyword,
                    from.pointer,
                    "'" + reference + "' is no place in this document, and no other is opened");
        }
        return target;
    }

    /**
     * The schema that a {@code $dynamicRef} means, where no other could be meant.
     *
     * @throws SchemaException which one is meant depends on the way there
     */
    JsonNode resolveDynamic(JsonNode schema, String reference) {
        JsonNode target = resolve(schema, "$dynamicRef", reference);
        String fragment = reference.substring(reference.indexOf('#') + 1);
        boolean dynamic = fragment.equals(target.path("$dynamicAnchor").textValue());
        if (dynamic && dynamicAnchors.getOrDefault(fragment, 0) > 1) {
            throw new SchemaException(
                    "$dynamicRef",
                    place(schema).pointer,
                    "the document has more than one $dynamicAnchor '" + fragment + "'");
        }
        return target;
    }

    private JsonNode walk(JsonNode start, String fragment, Place first) {
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
            base = places.containsKey(node) ? places.get(node).base : base;
        }
        // A place that is no keyword's is a schema because it is referred to.
        index(node, new Place(base, first.pointer + fragment, 0), 0);
        return node;
    }

    private static String decoded(String fragment, Place from) {
        try {
            return URLDecoder.decode(fragment.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new SchemaException("$ref", from.pointer, "'#" + fragment + "' is no fragment");
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
            throw new SchemaException("$ref", pointer, "'" + reference + "' is no URI reference");
        }
    }
}
