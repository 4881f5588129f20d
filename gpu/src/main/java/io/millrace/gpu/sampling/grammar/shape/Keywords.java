package io.millrace.gpu.sampling.grammar.shape;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** The keywords that decide which values are valid; all others are annotations. */
public final class Keywords {
    private static final Set<String> ASSERTIONS =
            Set.of(
                    "$ref",
                    "$dynamicRef",
                    "$recursiveRef",
                    "type",
                    "enum",
                    "const",
                    "multipleOf",
                    "divisibleBy",
                    "minimum",
                    "maximum",
                    "exclusiveMinimum",
                    "exclusiveMaximum",
                    "minLength",
                    "maxLength",
                    "pattern",
                    "format",
                    "items",
                    "prefixItems",
                    "additionalItems",
                    "minItems",
                    "maxItems",
                    "uniqueItems",
                    "contains",
                    "minContains",
                    "maxContains",
                    "unevaluatedItems",
                    "properties",
                    "patternProperties",
                    "additionalProperties",
                    "propertyNames",
                    "required",
                    "minProperties",
                    "maxProperties",
                    "dependencies",
                    "dependentRequired",
                    "dependentSchemas",
                    "unevaluatedProperties",
                    "allOf",
                    "anyOf",
                    "oneOf",
                    "not",
                    "if",
                    "then",
                    "else",
                    "extends",
                    "disallow");

    private static final Set<String> PLAIN =
            Set.of(
                    "type",
                    "enum",
                    "const",
                    "multipleOf",
                    "minimum",
                    "maximum",
                    "exclusiveMinimum",
                    "exclusiveMaximum",
                    "minLength",
                    "maxLength",
                    "pattern",
                    "format",
                    "required",
                    "minItems",
                    "maxItems",
                    "minProperties",
                    "maxProperties");

    private Keywords() {}

    /** Whether a schema object has annotations only. */
    public static boolean areNone(JsonNode schema) {
        return !hasOther(schema, Set.of());
    }

    /** Whether no keyword has subschemas. */
    public static boolean arePlain(JsonNode schema) {
        return !hasOther(schema, PLAIN);
    }

    /** The first keyword that combines schemas; {@code type} if there is none. */
    public static String firstLogical(JsonNode schema) {
        return List.of("oneOf", "anyOf", "allOf", "dependencies", "dependentRequired", "if", "not")
                .stream()
                .filter(schema::has)
                .findFirst()
                .orElse("type");
    }

    private static boolean hasOther(JsonNode schema, Set<String> known) {
        Iterator<String> names = schema.fieldNames();
        while (names.hasNext()) {
            String name = names.next();
            if (ASSERTIONS.contains(name) && !known.contains(name)) {
                return true;
            }
        }
        return false;
    }
}
