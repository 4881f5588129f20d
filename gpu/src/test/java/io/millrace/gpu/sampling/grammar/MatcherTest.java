package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.schema.InstanceText;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MatcherTest {
    private final byte[][] tokens = SchemaCases.vocabulary();

    /** So small that states are forgotten again and again. */
    private static final long FEW_BYTES = 100_000;

    @Test
    void aMaskHasTheTokensThatAreAcceptedAndNoOthers() {
        GrammarCompiler compiler = new GrammarCompiler(new Vocabulary(tokens), true, 8 << 20);
        for (JsonNode one : SchemaCases.read("cases.jsonl")) {
            Grammar grammar = compiler.jsonSchema(one.get("schema"));
            for (JsonNode value : one.get("valid")) {
                checkMasks(grammar, InstanceText.of(value, grammar.order()));
            }
        }
    }

    @Test
    void statesThatAreForgottenAreFoundAgain() {
        GrammarCompiler compiler = new GrammarCompiler(new Vocabulary(tokens), true, FEW_BYTES);
        String schema =
                """
                {"type": "array", "items": {"properties": {"a": {"maxLength": 9},
                 "b": {"pattern": "^[ab]*$", "maxLength": 40}, "c": {"type": "integer"}}}}""";
        Grammar grammar = compiler.jsonSchema(schema);
        checkMasks(
                grammar,
                "[{\"a\": \"\u00e9\\u00e9 xy\", \"b\": \"abababab\", \"c\": -120}, [[1, 2], true], 1.5]");
    }

    private void checkMasks(Grammar grammar, String text) {
        Matcher matcher = grammar.matcher();
        Matcher again = grammar.matcher();
        long[] mask = new long[grammar.maskWords()];
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            matcher.mask(mask);
            for (int token = 0; token < tokens.length; token++) {
                boolean allowed = (mask[token >> 6] >>> token & 1) != 0;
                boolean accepted = tokens[token] != null && again.copy().accept(tokens[token]);
                assertThat(allowed).as("token %d in %s", token, text).isEqualTo(accepted);
            }
            assertThat(matcher.accept(b & 0xFF)).as(text).isTrue();
            assertThat(again.accept(new byte[] {b})).isTrue();
        }
        assertThat(matcher.isAccepting()).as(text).isTrue();
    }

    @Test
    void aTokenThatMayNotComeLeavesTheMatcherWhereItWas() {
        GrammarCompiler compiler = new GrammarCompiler(new Vocabulary(tokens), true, 8 << 20);
        Matcher matcher = compiler.jsonSchema("{\"enum\": [12, true]}").matcher();
        assertThat(matcher.accept('x')).isFalse();
        assertThat(matcher.accept(tokens.length - 1)).as("no text").isFalse();
        assertThat(matcher.accept(tokens.length)).as("no token").isFalse();
        assertThat(matcher.accept(-1)).isFalse();
        assertThat(matcher.accept('1')).isTrue();
        assertThat(matcher.isAccepting()).isFalse();
        assertThat(matcher.accept('2')).isTrue();
        assertThat(matcher.isAccepting()).isTrue();
    }

    @Test
    void aDefectIsAFailureOfTheMatcherThatMeetsIt() {
        for (Throwable defect :
                List.of(new IllegalStateException("broken"), new StackOverflowError())) {
            Grammar grammar = BrokenGrammar.of(tokens, defect);
            Matcher broken = grammar.matcher();
            Matcher masked = grammar.matcher();
            Matcher whole = grammar.matcher();
            long[] mask = new long[grammar.maskWords()];
            Arrays.fill(mask, -1);

            assertThat(broken.accept('a')).isFalse();
            assertThat(masked.mask(mask, 9)).isFalse();
            assertThat(mask).containsOnly(0);
            assertThat(whole.accept('b')).isTrue();

            for (Matcher failed : List.of(broken, masked, broken.copy())) {
                assertThat(failed.failure())
                        .hasMessageContaining("a defect of this release")
                        .hasMessageContaining(defect.toString())
                        .hasCause(defect);
                assertThat(failed.accept('b')).isFalse();
            }
            assertThat(whole.takeDefect()).isNull();
            assertThat(masked.takeDefect()).isSameAs(defect);
            assertThat(broken.takeDefect()).as("taken before").isNull();
            assertThat(whole.failure()).isNull();
            assertThat(whole.isAccepting()).isTrue();
            assertThat(whole.mask(mask)).isTrue();
        }
    }
}
