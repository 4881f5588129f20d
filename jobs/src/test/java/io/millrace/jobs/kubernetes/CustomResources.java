package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Schemas of custom resources, made strict: a field that a definition does not name is an error,
 * and not dropped, as an API server would.
 */
final class CustomResources {
    private final Map<String, Schema> schemas = new HashMap<>();

    private static String key(JsonNode object) {
        return object.path("apiVersion").asText() + " " + object.path("kind").asText();
    }

    /** Adds all versions of a definition. */
    void add(JsonNode definition) {
        JsonNode spec = definition.path("spec");
        for (JsonNode version : spec.path("versions")) {
            ObjectNode schema = version.at("/schema/openAPIV3Schema").deepCopy();
            String apiVersion = spec.path("group").asText() + "/" + version.path("name").asText();
            String kind = spec.at("/names/kind").asText();
            ObjectNode properties = (ObjectNode) schema.get("properties");
            // An API server checks these, whatever a definition says.
            properties.putObject("apiVersion").put("const", apiVersion);
            properties.putObject("kind").put("const", kind);
            properties.set("metadata", metadata());
            strict(schema);
            schemas.put(
                    apiVersion + " " + kind,
                    SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                            .getSchema(schema));
        }
    }

    private static JsonNode metadata() {
        try {
            return Overlay.YAML.readTree(
                    """
                    type: object
                    required: [name]
                    properties:
                      name: {type: string, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'}
                      namespace: {type: string}
                      labels: {type: object, additionalProperties: {type: string}}
                      annotations: {type: object, additionalProperties: {type: string}}
                    """);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Closes a structural schema; what lies below anyOf and its like only adds conditions. */
    private static void strict(ObjectNode schema) {
        if (schema.path("x-kubernetes-int-or-string").asBoolean()) {
            schema.remove("anyOf");
            schema.putArray("type").add("integer").add("string");
        }
        boolean open = schema.path("x-kubernetes-preserve-unknown-fields").asBoolean();
        // The validator does not know these, and would say so.
        schema.remove(
                List.of(
                        "x-kubernetes-int-or-string",
                        "x-kubernetes-preserve-unknown-fields",
                        "x-kubernetes-validations",
                        "example"));
        boolean object = schema.path("type").asText().equals("object") || schema.has("properties");
        if (object && !open && !schema.has("additionalProperties")) {
            schema.put("additionalProperties", false);
        }
        schema.path("properties").forEach(each -> strict((ObjectNode) each));
        for (String below : List.of("items", "additionalProperties")) {
            if (schema.path(below) instanceof ObjectNode each) {
                strict(each);
            }
        }
    }

    boolean knows(JsonNode object) {
        return schemas.containsKey(key(object));
    }

    /** What is wrong with an object of a known kind. */
    List<String> problems(JsonNode object) {
        return schemas.get(key(object)).validate(object).stream().map(Error::toString).toList();
    }

    /** Adds a value to the enumeration of a field of each version. */
    static JsonNode extended(JsonNode definition, String field, String value) {
        JsonNode copy = definition.deepCopy();
        for (JsonNode version : copy.at("/spec/versions")) {
            ArrayNode values =
                    (ArrayNode)
                            version.at(
                                            "/schema/openAPIV3Schema/properties/spec/properties/"
                                                    + field)
                                    .get("enum");
            values.add(value);
        }
        return copy;
    }
}
