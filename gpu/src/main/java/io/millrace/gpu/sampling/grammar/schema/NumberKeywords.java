package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.shape.NumberAutomaton;
import io.millrace.gpu.sampling.grammar.shape.NumberShape;
import java.math.BigDecimal;

/** {@code minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf}. */
final class NumberKeywords {
    private final Reader reader;

    NumberKeywords(Reader reader) {
        this.reader = reader;
    }

    NumberShape shape(JsonNode schema) {
        NumberShape shape = NumberShape.ALL;
        if (schema.has("minimum")) {
            boolean open = schema.path("exclusiveMinimum").asBoolean(false);
            shape = shape.and(NumberShape.atLeast(reader.number(schema, "minimum"), open));
        }
        if (schema.has("maximum")) {
            boolean open = schema.path("exclusiveMaximum").asBoolean(false);
            shape = shape.and(NumberShape.atMost(reader.number(schema, "maximum"), open));
        }
        if (isBound(schema, "exclusiveMinimum")) {
            shape = shape.and(NumberShape.atLeast(reader.number(schema, "exclusiveMinimum"), true));
        }
        if (isBound(schema, "exclusiveMaximum")) {
            shape = shape.and(NumberShape.atMost(reader.number(schema, "exclusiveMaximum"), true));
        }
        if (schema.has("multipleOf")) {
            BigDecimal factor = reader.number(schema, "multipleOf");
            if (factor.signum() <= 0) {
                throw reader.refused(schema, "multipleOf", factor + " is not above 0");
            }
            if (!NumberAutomaton.isSupported(factor.stripTrailingZeros())) {
                throw reader.refused(
                        schema,
                        "multipleOf",
                        factor + " has too many remainders to count; use a factor up to 10,000");
            }
            shape = shape.and(NumberShape.multiplesOf(factor, false));
        }
        return shape;
    }

    /**
     * Whether the keyword is a number. In draft 4 it is a boolean that modifies the other bound.
     */
    private static boolean isBound(JsonNode schema, String keyword) {
        return schema.has(keyword) && !schema.get(keyword).isBoolean();
    }
}
