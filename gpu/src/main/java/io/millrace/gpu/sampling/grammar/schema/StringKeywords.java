package io.millrace.gpu.sampling.grammar.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.regex.Formats;
import io.millrace.gpu.sampling.grammar.regex.Regex;
import io.millrace.gpu.sampling.grammar.regex.RegexException;
import io.millrace.gpu.sampling.grammar.shape.StringShape;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** {@code minLength, maxLength, pattern, format}. */
final class StringKeywords {
    private final Reader reader;
    private final Formats formats;
    private final Budget budget;
    private final Map<String, CharDfa> patterns = new HashMap<>();

    /**
     * @param formats null if formats are annotations
     */
    StringKeywords(Reader reader, Formats formats, Budget budget) {
        this.reader = reader;
        this.formats = formats;
        this.budget = budget;
    }

    StringShape shape(JsonNode schema) {
        StringShape shape =
                new StringShape(
                        CharDfa.ANY,
                        reader.count(schema, "minLength", 0),
                        reader.count(schema, "maxLength", StringShape.NO_LIMIT));
        if (schema.has("pattern")) {
            String pattern = reader.text(schema, "pattern");
            shape = shape.and(of(pattern(schema, "pattern", pattern)), budget);
        }
        if (formats != null && schema.path("format").isTextual()) {
            String name = schema.get("format").textValue();
            Optional<CharDfa> texts = formats.find(name);
            if (texts.isPresent()) {
                StringShape format = new StringShape(texts.get(), 0, formats.longest(name));
                shape = shape.and(format, budget);
            }
        }
        return shape;
    }

    private static StringShape of(CharDfa texts) {
        return new StringShape(texts, 0, StringShape.NO_LIMIT);
    }

    /** The texts that contain a match of a pattern. */
    CharDfa pattern(JsonNode schema, String keyword, String pattern) {
        CharDfa known = patterns.get(pattern);
        if (known == null) {
            try {
                known = Regex.search(pattern, budget);
            } catch (RegexException e) {
                throw reader.refused(
                        schema, keyword, "'%s': %s".formatted(pattern, e.getMessage()));
            }
            patterns.put(pattern, known);
        }
        return known;
    }
}
