package io.millrace.gpu.sampling.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Judges a value by a schema keyword by keyword, as the specification reads: the oracle of
 * grammars. Knows what {@link RandomSchemas} makes and nothing else.
 */
final class PlainValidator {
    private static final int MAX_DEPTH = 500;

    private final JsonNode root;
    private int depth;

    PlainValidator(JsonNode root) {
        this.root = root;
    }

    /** Null where the schema's references lead back to themselves at the same value. */
    Boolean judge(JsonNode value) {
        try {
            depth = 0;
            return isValid(root, value);
        } catch (EndlessException e) {
            return null;
        }
    }

    private static final class EndlessException extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private boolean isValid(JsonNode schema, JsonNode value) {
        if (schema.isBoolean()) {
            return schema.booleanValue();
        }
        if (++depth > MAX_DEPTH) {
            throw new EndlessException();
        }
        boolean valid = true;
        for (Map.Entry<String, JsonNode> keyword : schema.properties()) {
            valid = valid && holds(schema, keyword.getKey(), keyword.getValue(), value);
        }
        depth--;
        return valid;
    }

    private boolean holds(JsonNode schema, String keyword, JsonNode wanted, JsonNode value) {
        return switch (keyword) {
            case "type" ->
                    wanted.isArray()
                            ? anyMatch(wanted, type -> isOf(type.asText(), value))
                            : isOf(wanted.asText(), value);
            case "enum" -> anyMatch(wanted, one -> same(one, value));
            case "const" -> same(wanted, value);
            case "anyOf" -> anyMatch(wanted, one -> isValid(one, value));
            case "allOf" -> !anyMatch(wanted, one -> !isValid(one, value));
            case "oneOf" -> count(wanted, one -> isValid(one, value)) == 1;
            case "not" -> !isValid(wanted, value);
            case "if" ->
                    isValid(wanted, value)
                            ? !schema.has("then") || isValid(schema.get("then"), value)
                            : !schema.has("else") || isValid(schema.get("else"), value);
            case "$ref" -> isValid(root.at(wanted.asText().substring(1)), value);
            default ->
                    value.isNumber()
                            ? number(keyword, wanted, value.decimalValue())
                            : value.isTextual()
                                    ? string(keyword, wanted, value.textValue())
                                    : value.isArray()
                                            ? array(schema, keyword, wanted, value)
                                            : !value.isObject()
                                                    || object(schema, keyword, wanted, value);
        };
    }

    private static boolean anyMatch(JsonNode list, java.util.function.Predicate<JsonNode> test) {
        return count(list, test) > 0;
    }

    private static int count(JsonNode list, java.util.function.Predicate<JsonNode> test) {
        int count = 0;
        for (JsonNode one : list) {
            count += test.test(one) ? 1 : 0;
        }
        return count;
    }

    private static boolean isOf(String type, JsonNode value) {
        return switch (type) {
            case "null" -> value.isNull();
            case "boolean" -> value.isBoolean();
            case "string" -> value.isTextual();
            case "number" -> value.isNumber();
            case "integer" ->
                    value.isNumber() && value.decimalValue().stripTrailingZeros().scale() <= 0;
            case "array" -> value.isArray();
            default -> value.isObject();
        };
    }

    private static boolean same(JsonNode a, JsonNode b) {
        return a.equals(
                (x, y) ->
                        x.isNumber() && y.isNumber()
                                ? x.decimalValue().compareTo(y.decimalValue())
                                : x.equals(y) ? 0 : 1,
                b);
    }

    private static boolean number(String keyword, JsonNode wanted, BigDecimal value) {
        return switch (keyword) {
            case "minimum" -> value.compareTo(wanted.decimalValue()) >= 0;
            case "maximum" -> value.compareTo(wanted.decimalValue()) <= 0;
            case "exclusiveMinimum" -> value.compareTo(wanted.decimalValue()) > 0;
            case "exclusiveMaximum" -> value.compareTo(wanted.decimalValue()) < 0;
            case "multipleOf" -> value.remainder(wanted.decimalValue()).signum() == 0;
            default -> true;
        };
    }

    private static boolean string(String keyword, JsonNode wanted, String value) {
        int length = value.codePointCount(0, value.length());
        return switch (keyword) {
            case "minLength" -> length >= wanted.intValue();
            case "maxLength" -> length <= wanted.intValue();
            case "pattern" -> find(wanted.textValue(), value);
            default -> true;
        };
    }

    /** The end is the end: for the JDK it is also before a last end of line. */
    private static boolean find(String pattern, String text) {
        return Pattern.compile(pattern.replace("$", "\\z")).matcher(text).find();
    }

    private boolean array(JsonNode schema, String keyword, JsonNode wanted, JsonNode value) {
        int first = schema.path("prefixItems").size();
        switch (keyword) {
            case "minItems":
                return value.size() >= wanted.intValue();
            case "maxItems":
                return value.size() <= wanted.intValue();
            case "prefixItems":
                for (int i = 0; i < Math.min(first, value.size()); i++) {
                    if (!isValid(wanted.get(i), value.get(i))) {
                        return false;
                    }
                }
                return true;
            case "items":
                for (int i = first; i < value.size(); i++) {
                    if (!isValid(wanted, value.get(i))) {
                        return false;
                    }
                }
                return true;
            case "contains":
                int found = count(value, item -> isValid(wanted, item));
                return found >= schema.path("minContains").asInt(1)
                        && found <= schema.path("maxContains").asInt(Integer.MAX_VALUE);
            default:
                return true;
        }
    }

    private boolean object(JsonNode schema, String keyword, JsonNode wanted, JsonNode value) {
        switch (keyword) {
            case "required":
                return !anyMatch(wanted, name -> !value.has(name.asText()));
            case "minProperties":
                return value.size() >= wanted.intValue();
            case "maxProperties":
                return value.size() <= wanted.intValue();
            case "dependentRequired":
                return wanted.properties().stream()
                        .allMatch(
                                one ->
                                        !value.has(one.getKey())
                                                || !anyMatch(
                                                        one.getValue(),
                                                        name -> !value.has(name.asText())));
            case "propertyNames":
                return value.properties().stream()
                        .allMatch(
                                m ->
                                        isValid(
                                                wanted,
                                                new com.fasterxml.jackson.databind.node.TextNode(
                                                        m.getKey())));
            case "properties", "patternProperties", "additionalProperties":
                return value.properties().stream()
                        .allMatch(m -> member(schema, keyword, m.getKey(), m.getValue()));
            default:
                return true;
        }
    }

    private boolean member(JsonNode schema, String keyword, String name, JsonNode value) {
        JsonNode own = schema.path("properties").path(name);
        boolean matched = false;
        boolean good = true;
        for (Map.Entry<String, JsonNode> one : schema.path("patternProperties").properties()) {
            if (find(one.getKey(), name)) {
                matched = true;
                good &= isValid(one.getValue(), value);
            }
        }
        return switch (keyword) {
            case "properties" -> own.isMissingNode() || isValid(own, value);
            case "patternProperties" -> good;
            default ->
                    matched
                            || !own.isMissingNode()
                            || isValid(schema.get("additionalProperties"), value);
        };
    }
}
