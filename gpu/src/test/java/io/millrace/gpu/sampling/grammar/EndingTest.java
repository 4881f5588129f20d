package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** An answer always ends within the tokens that it has. */
class EndingTest {
    private static final int SCHEMAS = 1000;
    private static final int[] SPARE = {0, 1, 2, 5, 17};

    private final byte[][] tokens = SchemaCases.vocabulary();
    private final GrammarCompiler compiler =
            new GrammarCompiler(new Vocabulary(tokens), true, 4 << 20);

    /** Of two members with one name it takes the second. */
    private final ObjectMapper json =
            new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

    @Test
    void randomAnswersWithFewTokensEndAndAreValid() throws IOException {
        int written = 0;
        for (int seed = 0; seed < SCHEMAS; seed++) {
            JsonNode schema = new RandomSchemas(seed).document();
            Grammar grammar = compile(schema);
            for (int spare : grammar == null || grammar.isEmpty() ? new int[0] : SPARE) {
                Random random = new Random(31L * seed + spare);
                RandomAnswer answer = new RandomAnswer(tokens, random);
                byte[] text = answer.write(grammar, grammar.fewestTokens() + spare, 8);
                assertThat(new PlainValidator(schema).judge(json.readTree(text)))
                        .as("%s by %s (seed %d)", new String(text), schema, seed)
                        .isNotEqualTo(false);
                written++;
            }
        }
        assertThat(written).isGreaterThan(3 * SCHEMAS);
    }

    @Test
    void everyKeywordsAnswersEndInTime() {
        for (JsonNode one : SchemaCases.read("cases.jsonl")) {
            Grammar grammar = compiler.jsonSchema(one.get("schema"));
            for (int spare = 0; spare < 30 && !grammar.isEmpty(); spare++) {
                RandomAnswer answer = new RandomAnswer(tokens, new Random(spare));
                byte[] text = answer.write(grammar, grammar.fewestTokens() + spare, 50);
                Matcher matcher = grammar.matcher();
                assertThat(matcher.accept(text) && matcher.isAccepting()).isTrue();
            }
        }
    }

    @Test
    void aTokenIsAllowedWhereTheAnswerCanStillEndBehindItAndNowhereElse() {
        for (JsonNode one : SchemaCases.read("cases.jsonl")) {
            Grammar grammar = compiler.jsonSchema(one.get("schema"));
            if (!grammar.isEmpty()) {
                int most = grammar.fewestTokens() + 4;
                checkMasks(grammar, most, new RandomAnswer(tokens, new Random(5)));
            }
        }
    }

    private void checkMasks(Grammar grammar, int most, RandomAnswer answer) {
        byte[] text = answer.write(grammar, most, 50);
        Matcher matcher = grammar.matcher();
        long[] all = new long[grammar.maskWords()];
        long[] mask = new long[grammar.maskWords()];
        long[] behind = new long[grammar.maskWords()];
        for (int at = 0; at < text.length; at++) {
            matcher.mask(all);
            for (int left = 1; left < 12; left++) {
                boolean fits = matcher.copy().mask(mask, left);
                for (int token = 0; token < tokens.length; token++) {
                    Matcher next = matcher.copy();
                    boolean ends =
                            fits
                                    && (all[token >> 6] >>> token & 1) != 0
                                    && next.accept(token)
                                    && next.mask(behind, left - 1);
                    assertThat((mask[token >> 6] >>> token & 1) != 0)
                            .as("token %d behind %d bytes of %s", token, at, new String(text))
                            .isEqualTo(ends);
                }
            }
            assertThat(matcher.accept(new byte[] {text[at]})).isTrue();
        }
    }

    @Test
    void theFewestTokensOfKnownGrammars() {
        assertThat(compiler.jsonSchema("{\"type\": \"string\"}").fewestTokens()).isEqualTo(2);
        assertThat(compiler.jsonSchema("{\"const\": null}").fewestTokens()).isEqualTo(2);
        assertThat(compiler.jsonObject().fewestTokens()).isEqualTo(2);
        assertThat(compiler.jsonSchema("false").fewestTokens()).isEqualTo(Integer.MAX_VALUE);
        assertThat(compiler.choice(List.of("red", "abc")).fewestTokens()).isEqualTo(2);
        assertThat(compiler.regex("[a-f]{3,9}|xy").fewestTokens()).isEqualTo(2);
        // '{', '"', 'xy', 'z', '":', '1', '}', the end.
        String member = "{\"properties\": {\"xyz\": {\"const\": 1}}, \"required\": [\"xyz\"]}";
        assertThat(
                        compiler.jsonSchema("{\"type\": \"object\", " + member.substring(1))
                                .fewestTokens())
                .isEqualTo(8);
        String many = "{\"type\": \"array\", \"minItems\": 1000000000}";
        assertThat(compiler.jsonSchema(many).fewestTokens()).isGreaterThan(500_000_000);
    }

    @Test
    void tooFewTokensFailTheMatcherAloneAndSaySo() {
        Grammar grammar = compiler.jsonSchema("{\"const\": [1, 2, 3]}");
        Matcher matcher = grammar.matcher();
        Matcher other = matcher.copy();
        long[] mask = new long[grammar.maskWords()];
        assertThat(matcher.mask(mask, grammar.fewestTokens() - 1)).isFalse();
        assertThat(mask).containsOnly(0);
        assertThat(matcher.failure())
                .hasMessageContaining("needs " + grammar.fewestTokens() + " more tokens");
        assertThat(matcher.mask(mask)).as("for good").isFalse();
        assertThat(matcher.accept('[')).isFalse();
        assertThat(other.mask(mask, grammar.fewestTokens())).isTrue();
        assertThat(other.failure()).isNull();
    }

    /** Null for one that is refused. */
    private Grammar compile(JsonNode schema) {
        try {
            return compiler.jsonSchema(schema);
        } catch (GrammarException e) {
            return null;
        }
    }
}
