package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.schema.InstanceText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random schemas: the grammar beside a plain validator, and random walks along its masks. */
class RandomSchemasTest {
    private static final int SCHEMAS = 3000;
    private static final int VALUES = 30;
    private static final int WALKS = 2;
    private static final int LONGEST_WALK = 60;

    /** Of two members with one name it takes the second. */
    private final ObjectMapper json =
            new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

    private final byte[][] tokens = SchemaCases.vocabulary();
    private final GrammarCompiler compiler =
            new GrammarCompiler(new Vocabulary(tokens), true, 4 << 20);

    @Test
    void whatAGrammarAcceptsIsValidAndWhatItRefusesIsNot() {
        List<String> wrong = new ArrayList<>();
        int compiled = 0;
        int valid = 0;
        for (int seed = 0; seed < SCHEMAS; seed++) {
            RandomSchemas random = new RandomSchemas(seed);
            JsonNode schema = random.document();
            Grammar grammar = compile(schema);
            if (grammar == null) {
                continue;
            }
            compiled++;
            PlainValidator oracle = new PlainValidator(schema);
            for (int i = 0; i < VALUES; i++) {
                JsonNode value = random.value(2);
                String text = InstanceText.of(value, grammar.order());
                boolean accepted = GrammarCompilerTest.takes(grammar, text);
                Boolean right = oracle.judge(value);
                if (right == null) {
                    continue;
                }
                valid += right ? 1 : 0;
                if (accepted != right && (accepted || !grammar.isNarrow())) {
                    wrong.add("%s by %s (seed %d)".formatted(text, schema, seed));
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(compiled).as("compiled").isGreaterThan(SCHEMAS * 7 / 10);
        assertThat(valid).as("valid").isGreaterThan(SCHEMAS * VALUES / 10);
    }

    @Test
    void aWalkAlongMasksNeverStopsShortAndEndsInValidText() throws IOException {
        int ended = 0;
        for (int seed = 0; seed < SCHEMAS; seed++) {
            JsonNode schema = new RandomSchemas(seed).document();
            Grammar grammar = compile(schema);
            for (int i = 0; grammar != null && !grammar.isEmpty() && i < WALKS; i++) {
                String text = walk(grammar, new Random(31L * seed + i));
                if (text != null) {
                    ended++;
                    JsonNode value = json.readTree(text);
                    assertThat(new PlainValidator(schema).judge(value))
                            .as("%s by %s (seed %d)", text, schema, seed)
                            .isNotEqualTo(false);
                }
            }
        }
        assertThat(ended).isGreaterThan(SCHEMAS / 2);
    }

    /** Null for a text that did not end in time. */
    private String walk(Grammar grammar, Random random) {
        Matcher matcher = grammar.matcher();
        long[] mask = new long[grammar.maskWords()];
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int step = 0; step < LONGEST_WALK; step++) {
            if (matcher.isAccepting() && random.nextInt(3) == 0) {
                return text.toString(StandardCharsets.UTF_8);
            }
            matcher.mask(mask);
            int count = 0;
            for (long word : mask) {
                count += Long.bitCount(word);
            }
            if (count == 0) {
                assertThat(matcher.isAccepting()).as("stuck behind %s", text).isTrue();
                return text.toString(StandardCharsets.UTF_8);
            }
            int token = RandomAnswer.nth(mask, random.nextInt(count));
            assertThat(matcher.accept(token)).isTrue();
            text.writeBytes(tokens[token]);
        }
        return null;
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
