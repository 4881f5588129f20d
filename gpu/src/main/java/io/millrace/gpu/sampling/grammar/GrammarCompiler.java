package io.millrace.gpu.sampling.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.mask.GrammarLimitException;
import io.millrace.gpu.sampling.grammar.mask.GrammarStates;
import io.millrace.gpu.sampling.grammar.mask.StateBytes;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.position.Positions;
import io.millrace.gpu.sampling.grammar.regex.Formats;
import io.millrace.gpu.sampling.grammar.regex.Regex;
import io.millrace.gpu.sampling.grammar.regex.RegexException;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import io.millrace.gpu.sampling.grammar.shape.SchemaLimits;
import java.util.List;

/**
 * Compiles constraints to grammars of one vocabulary. A constraint that is invalid or not supported
 * is a {@link GrammarException} that names the keyword. Time and memory are bounded. Safe for any
 * thread.
 */
public final class GrammarCompiler {
    private static final int REGEX_STATES = 20_000;
    private static final long REGEX_STEPS = 10_000_000;

    private final Vocabulary vocabulary;
    private final Formats formats;
    private final long maxBytes;
    private final StateBytes together;

    /**
     * @param assertFormats whether {@code format} is an assertion, not an annotation
     * @param maxBytes approximate maximum bytes of a grammar: automata, states and masks
     */
    public GrammarCompiler(Vocabulary vocabulary, boolean assertFormats, long maxBytes) {
        this(vocabulary, assertFormats, maxBytes, new StateBytes(Long.MAX_VALUE));
    }

    /**
     * @param assertFormats whether {@code format} is an assertion, not an annotation
     * @param maxBytes approximate maximum bytes of a grammar: automata, states and masks
     * @param together bound of the states and masks of all grammars together
     */
    public GrammarCompiler(
            Vocabulary vocabulary, boolean assertFormats, long maxBytes, StateBytes together) {
        this.vocabulary = vocabulary;
        this.formats = assertFormats ? new Formats() : null;
        this.maxBytes = maxBytes;
        this.together = together;
    }

    /** JSON that is valid by a schema, on one line, members in the schema's order. */
    public Grammar jsonSchema(String schema) {
        try {
            return grammar(
                    CompiledSchema.of(CompiledSchema.parse(schema), formats, SchemaLimits.DEFAULT));
        } catch (SchemaException e) {
            throw new GrammarException(e.getMessage(), e.keyword(), e);
        }
    }

    /** As {@link #jsonSchema(String)}, for a schema from {@link CompiledSchema#parse}. */
    public Grammar jsonSchema(JsonNode schema) {
        try {
            return grammar(CompiledSchema.of(schema, formats, SchemaLimits.DEFAULT));
        } catch (SchemaException e) {
            throw new GrammarException(e.getMessage(), e.keyword(), e);
        }
    }

    private Grammar grammar(CompiledSchema schema) {
        Positions positions = new Positions(schema, vocabulary.spelling());
        return grammar(positions.start(), schema.bytes(), schema.isEmpty(), schema);
    }

    private Grammar grammar(Position start, long compiled, boolean empty, CompiledSchema schema) {
        if (compiled > maxBytes / 2) {
            throw new GrammarException(
                    ("The constraint takes about %,d bytes compiled, more than half of the %,d that a"
                                    + " grammar may take; ask for shorter lengths beside patterns, for"
                                    + " fewer repetitions or for fewer values")
                            .formatted(compiled, maxBytes),
                    schema == null ? "regex" : "$schema",
                    null);
        }
        GrammarStates states;
        try {
            states = new GrammarStates(start, vocabulary, maxBytes - compiled, together);
        } catch (GrammarLimitException e) {
            if (e.getCause() instanceof SchemaException cause) {
                throw new GrammarException(cause.getMessage(), cause.keyword(), cause);
            }
            throw new GrammarException(
                    "The constraint is beyond a limit: " + e.getMessage(), "$schema", e);
        }
        return new Grammar(states, new Size(compiled, maxBytes), empty, schema);
    }

    /**
     * Sizes of a grammar in bytes.
     *
     * @param compiled estimated bytes of its automata
     * @param most approximate maximum, with states and masks
     */
    record Size(long compiled, long most) {}

    /** Any JSON object. */
    public Grammar jsonObject() {
        return jsonSchema("{\"type\": \"object\"}");
    }

    /** One of the texts. */
    public Grammar choice(List<String> texts) {
        for (String text : texts) {
            if (text.codePoints().anyMatch(c -> c >= 0xD800 && c <= 0xDFFF)) {
                throw new GrammarException(
                        "The choice '" + text + "' is not well-formed text", "choice", null);
            }
        }
        return plain(CharDfa.ofTexts(texts));
    }

    /** Texts that a regular expression (ECMA-262) matches from beginning to end. */
    public Grammar regex(String pattern) {
        try {
            return plain(Regex.match(pattern, new Budget(REGEX_STATES, REGEX_STEPS)));
        } catch (RegexException | AutomatonTooLargeException e) {
            throw new GrammarException(
                    "The regular expression '%s' is not supported: %s"
                            .formatted(pattern, e.getMessage()),
                    "regex",
                    e);
        }
    }

    private Grammar plain(CharDfa texts) {
        Position start = Positions.ofTexts(texts, vocabulary.spelling());
        return grammar(start, 3 * texts.bytes(), texts.isEmpty(), null);
    }
}
