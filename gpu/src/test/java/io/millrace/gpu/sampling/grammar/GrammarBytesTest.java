package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a grammar holds is bounded. */
class GrammarBytesTest {
    private static final long MOST = 400_000;

    private final byte[][] tokens = SchemaCases.vocabulary();
    private final Vocabulary vocabulary = new Vocabulary(tokens);
    private final GrammarCompiler compiler = new GrammarCompiler(vocabulary, true, MOST);

    @Test
    void statesAndMasksStayWithinTheBytesOfAGrammar() {
        String schema =
                """
                {"type": "array", "minItems": 200, "items": {"anyOf": [
                 {"type": "string", "pattern": "^[ab]*$", "maxLength": 300}, {"type": "array"}]}}""";
        Grammar grammar = compiler.jsonSchema(schema);
        assertThat(grammar.mostBytes()).isEqualTo(MOST);
        long largest = 0;
        for (int seed = 0; seed < 20; seed++) {
            new RandomAnswer(tokens, new Random(seed)).write(grammar, 1000, 50);
            largest = Math.max(largest, grammar.bytes());
        }
        // What is full is emptied before the next state, and no state is large.
        assertThat(largest).isBetween(MOST / 4, MOST + 50_000);
    }

    @Test
    void aPatternBesideALargeLengthIsCountedAndRefused() {
        String schema =
                "{\"type\": \"string\", \"pattern\": \"^[a-z]*[0-9]+$\", \"minLength\": 300000}";
        assertThatThrownBy(() -> compiler.jsonSchema(schema))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("more than half of the 400,000")
                .hasMessageContaining("shorter lengths");
    }
}
