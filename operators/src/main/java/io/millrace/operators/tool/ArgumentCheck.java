package io.millrace.operators.tool;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.AbsoluteIri;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaException;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import io.millrace.gpu.tool.TextPattern;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/**
 * Judges the arguments of calls by a tool's parameters, a JSON schema. No other document is opened,
 * formats are annotations, and patterns are the automata of constraints. Safe for any thread.
 */
final class ArgumentCheck {
    private final Schema schema;

    private ArgumentCheck(Schema schema) {
        this.schema = schema;
    }

    /**
     * Compiles a schema.
     *
     * @param patterns compiles its patterns
     * @throws IllegalArgumentException it is none, or has what is not supported
     */
    static ArgumentCheck compile(JsonNode parameters, Function<String, TextPattern> patterns) {
        SchemaRegistryConfig config =
                SchemaRegistryConfig.builder()
                        .regularExpressionFactory(pattern -> patterns.apply(pattern)::find)
                        .build();
        SchemaRegistry registry =
                SchemaRegistry.withDefaultDialect(
                        SpecificationVersion.DRAFT_2020_12,
                        builder ->
                                builder.schemaRegistryConfig(config)
                                        .schemaLoader(
                                                loader ->
                                                        loader.block(ArgumentCheck::isElsewhere)));
        try {
            Schema schema = registry.getSchema(parameters);
            schema.initializeValidators();
            return new ArgumentCheck(schema);
        } catch (SchemaException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** The library has the meta-schemas itself. */
    private static boolean isElsewhere(AbsoluteIri document) {
        return !document.toString().matches("https?://json-schema\\.org/.*");
    }

    /** What is wrong with arguments, by place and keyword; null for nothing. */
    String fault(JsonNode arguments) {
        List<Error> errors = schema.validate(arguments);
        return errors.stream().map(ArgumentCheck::said).min(Comparator.naturalOrder()).orElse(null);
    }

    /** The library's own messages depend on the machine's language. */
    private static String said(Error error) {
        String place = error.getInstanceLocation().toString();
        String property = error.getProperty();
        return "at %s by the keyword %s%s"
                .formatted(
                        place.isEmpty() ? "their top" : place,
                        error.getKeyword(),
                        property == null ? "" : " (" + property + ")");
    }
}
