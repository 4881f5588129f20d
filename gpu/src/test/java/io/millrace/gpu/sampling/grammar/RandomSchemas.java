package io.millrace.gpu.sampling.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.List;
import java.util.Random;

/** Schemas and values at random, of few names and small numbers, so that they meet. */
final class RandomSchemas {
    private static final JsonNodeFactory JSON = JsonNodeFactory.withExactBigDecimals(true);
    private static final List<String> NAMES = List.of("a", "b", "ab", "\u00e9\"");
    private static final List<String> TEXTS =
            List.of("", "a", "b", "ab", "ba", "aab", "\u00e9\"", "\n", "xyz");
    private static final List<String> PATTERNS =
            List.of("^a", "b$", "^[ab]*$", "a.", "^a?b?$", "(a|b){2}", "[^a]");
    private static final List<String> TYPES =
            List.of("null", "boolean", "string", "number", "integer", "array", "object");

    private final Random random;

    RandomSchemas(long seed) {
        random = new Random(seed);
    }

    /** A whole schema; parts of it may be referred to. */
    JsonNode document() {
        ObjectNode root = schema(3);
        ObjectNode parts = root.putObject("$defs");
        parts.set("p", schema(2));
        parts.set("q", schema(1));
        return root;
    }

    private JsonNode sub(int depth) {
        return random.nextInt(12) == 0 ? JSON.booleanNode(random.nextBoolean()) : schema(depth);
    }

    private ObjectNode schema(int depth) {
        ObjectNode schema = JSON.objectNode();
        int keywords = 1 + random.nextInt(3);
        for (int i = 0; i < keywords; i++) {
            addKeyword(schema, depth);
        }
        return schema;
    }

    private void addKeyword(ObjectNode schema, int depth) {
        switch (random.nextInt(depth > 0 ? 14 : 6)) {
            case 0, 1 -> schema.put("type", pick(TYPES));
            case 2 -> schema.putArray("type").add(pick(TYPES)).add(pick(TYPES));
            case 3 -> addNumber(schema);
            case 4 -> addString(schema);
            case 5 -> {
                if (random.nextBoolean()) {
                    schema.putArray("enum").add(value(1)).add(value(1)).add(value(0));
                } else {
                    schema.set("const", value(1));
                }
            }
            case 6, 7 -> addArray(schema, depth - 1);
            case 8, 9, 10 -> addObject(schema, depth - 1);
            case 11 -> {
                String keyword = pick(List.of("anyOf", "allOf", "oneOf"));
                ArrayNode list = schema.putArray(keyword);
                for (int i = 0; i <= random.nextInt(3); i++) {
                    list.add(sub(depth - 1));
                }
            }
            case 12 -> schema.set("not", sub(depth - 1));
            default -> {
                if (random.nextBoolean()) {
                    schema.put("$ref", pick(List.of("#/$defs/p", "#/$defs/q")));
                } else {
                    schema.set("if", sub(depth - 1));
                    schema.set("then", sub(depth - 1));
                    schema.set("else", sub(depth - 1));
                }
            }
        }
    }

    private void addNumber(ObjectNode schema) {
        String keyword =
                pick(List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"));
        if (random.nextInt(3) == 0) {
            schema.put("multipleOf", pick(List.of(BigDecimal.valueOf(2), new BigDecimal("0.5"))));
        } else {
            schema.put(keyword, number());
        }
    }

    private BigDecimal number() {
        // As short as it can be: other spellings of a value are not all taken.
        BigDecimal number =
                BigDecimal.valueOf(random.nextInt(61) - 30, random.nextInt(3)).stripTrailingZeros();
        return number.scale() < 0 ? number.setScale(0) : number;
    }

    private void addString(ObjectNode schema) {
        switch (random.nextInt(3)) {
            case 0 -> schema.put("minLength", random.nextInt(3));
            case 1 -> schema.put("maxLength", random.nextInt(4));
            default -> schema.put("pattern", pick(PATTERNS));
        }
    }

    private void addArray(ObjectNode schema, int depth) {
        switch (random.nextInt(5)) {
            case 0 -> schema.put("minItems", random.nextInt(3));
            case 1 -> schema.put("maxItems", random.nextInt(4));
            case 2 -> schema.set("items", sub(depth));
            case 3 -> schema.putArray("prefixItems").add(sub(depth)).add(sub(depth));
            default -> {
                schema.set("contains", sub(depth));
                if (random.nextBoolean()) {
                    schema.put("minContains", random.nextInt(3));
                    schema.put("maxContains", 1 + random.nextInt(2));
                }
            }
        }
    }

    private void addObject(ObjectNode schema, int depth) {
        switch (random.nextInt(8)) {
            case 0, 1 -> {
                ObjectNode members = schema.putObject("properties");
                members.set(pick(NAMES), sub(depth));
                members.set(pick(NAMES), sub(depth));
            }
            case 2 -> schema.putArray("required").add(pick(NAMES));
            case 3 -> schema.set("additionalProperties", sub(depth));
            case 4 -> schema.putObject("patternProperties").set(pick(PATTERNS), sub(depth));
            case 5 -> schema.put(pick(List.of("minProperties", "maxProperties")), 1);
            case 6 -> schema.putObject("dependentRequired").putArray(pick(NAMES)).add(pick(NAMES));
            default -> schema.putObject("propertyNames").put("maxLength", 1);
        }
    }

    /** Any value. */
    JsonNode value(int depth) {
        switch (random.nextInt(depth > 0 ? 9 : 5)) {
            case 0:
                return JSON.nullNode();
            case 1:
                return JSON.booleanNode(random.nextBoolean());
            case 2:
                return JSON.textNode(pick(TEXTS));
            case 3:
                return JSON.numberNode(number());
            case 4:
                return JSON.numberNode(random.nextInt(7) - 2);
            case 5, 6:
                ArrayNode array = JSON.arrayNode();
                for (int i = random.nextInt(4); i > 0; i--) {
                    array.add(value(depth - 1));
                }
                return array;
            default:
                ObjectNode object = JSON.objectNode();
                for (int i = random.nextInt(4); i > 0; i--) {
                    object.set(pick(NAMES), value(depth - 1));
                }
                return object;
        }
    }

    private <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }
}
