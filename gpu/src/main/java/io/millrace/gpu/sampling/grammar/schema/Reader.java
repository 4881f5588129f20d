package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.shape.Literals.Sign;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** Reads the values of keywords and refuses values of a wrong type by keyword and location. */
final class Reader {
    private final SchemaDocument document;
    private boolean narrowed;

    Reader(SchemaDocument document) {
        this.document = document;
    }

    SchemaException refused(JsonNode schema, String keyword, String reason) {
        return new SchemaException(keyword, document.location(schema).pointer(), reason);
    }

    /**
     * Notes that the negation of a keyword cannot be expressed.
     *
     * @throws SchemaException unless the schema is denied narrowly, which may exclude more values
     */
    void cannotDeny(JsonNode schema, String keyword, Sign sign) {
        if (sign == Sign.DENIED) {
            throw refused(schema, keyword, "an enclosing 'not' or 'if' negates it");
        }
        narrowed = true;
    }

    /** Whether some values are excluded that the schema allows. */
    boolean isNarrowed() {
        return narrowed;
    }

    /** A number of characters, items or members. */
    int count(JsonNode schema, String keyword, int otherwise) {
        if (!schema.has(keyword)) {
            return otherwise;
        }
        BigDecimal count = number(schema, keyword);
        boolean whole = count.signum() >= 0 && count.stripTrailingZeros().scale() <= 0;
        if (!whole) {
            throw refused(schema, keyword, count + " is not a count");
        }
        return count.min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValueExact();
    }

    BigDecimal number(JsonNode schema, String keyword) {
        JsonNode value = schema.get(keyword);
        if (!value.isNumber()) {
            throw refused(schema, keyword, value + " is not a number");
        }
        return exact(schema, keyword, value);
    }

    /**
     * The value of a number.
     *
     * @throws SchemaException the number has too many digits
     */
    BigDecimal exact(JsonNode schema, String keyword, JsonNode value) {
        if (value.isFloatingPointNumber() && !value.isBigDecimal()) {
            if (!Double.isFinite(value.doubleValue())) {
                throw refused(schema, keyword, value + " is not a number");
            }
        }
        BigDecimal number = value.decimalValue();
        long before = (long) number.precision() - number.scale();
        if (Math.abs(before) > NumberShape.MAX_DIGITS
                || Math.abs((long) number.scale()) > NumberShape.MAX_DIGITS) {
            throw refused(
                    schema,
                    keyword,
                    "a number has more than %d digits; use fewer"
                            .formatted(NumberShape.MAX_DIGITS));
        }
        return number;
    }

    String text(JsonNode schema, String keyword) {
        JsonNode value = schema.get(keyword);
        if (!value.isTextual()) {
            throw refused(schema, keyword, value + " is not a string");
        }
        return value.textValue();
    }

    List<String> texts(JsonNode schema, String keyword, JsonNode list) {
        List<String> texts = new ArrayList<>();
        if (!list.isArray()) {
            throw refused(schema, keyword, list + " is not a list of strings");
        }
        for (JsonNode text : list) {
            if (!text.isTextual()) {
                throw refused(schema, keyword, text + " is not a string");
            }
            texts.add(text.textValue());
        }
        return texts;
    }

    JsonNode object(JsonNode schema, String keyword) {
        JsonNode value = schema.get(keyword);
        if (!value.isObject()) {
            throw refused(schema, keyword, value + " is not an object");
        }
        return value;
    }

    JsonNode schema(JsonNode schema, String keyword, JsonNode value) {
        if (!value.isObject() && !value.isBoolean()) {
            throw refused(schema, keyword, value + " is not a schema");
        }
        return value;
    }

    JsonNode list(JsonNode schema, String keyword) {
        JsonNode value = schema.get(keyword);
        if (!value.isArray() || value.isEmpty()) {
            throw refused(schema, keyword, value + " is not a list of schemas");
        }
        value.forEach(part -> schema(schema, keyword, part));
        return value;
    }
}
