package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What would take very long or very much is refused, by keyword and place, in time. */
@Timeout(60)
class GrammarLimitsTest {
    /** Less than any thread of a task has. */
    private static final long STACK_BYTES = 512 << 10;

    private final Vocabulary vocabulary = new Vocabulary(SchemaCases.vocabulary());
    private final GrammarCompiler compiler = new GrammarCompiler(vocabulary, true, 16 << 20);

    /** The message of the refusal; empty where there is none. */
    private String refusal(Function<GrammarCompiler, Grammar> compile) throws InterruptedException {
        AtomicReference<Object> result = new AtomicReference<>();
        Runnable task =
                () -> {
                    try {
                        Grammar grammar = compile.apply(compiler);
                        grammar.matcher().mask(new long[grammar.maskWords()]);
                        result.set("");
                    } catch (GrammarException e) {
                        result.set(e.getMessage());
                    } catch (StackOverflowError e) {
                        result.set(e);
                    }
                };
        Thread thread = new Thread(null, task, "compile", STACK_BYTES);
        thread.start();
        thread.join(Duration.ofSeconds(30).toMillis());
        assertThat(result.get()).isInstanceOf(String.class);
        return (String) result.get();
    }

    private String refusal(String schema) throws InterruptedException {
        return refusal(c -> c.jsonSchema(schema));
    }

    private String refusedPattern(String pattern) throws InterruptedException {
        return refusal(c -> c.regex(pattern));
    }

    @Test
    void choicesWithLookaheadsTakeTheStepsOfOnePattern() throws InterruptedException {
        assertThat(refusedPattern("(?:a|(?=b)b)".repeat(4))).isEmpty();
        assertThat(refusedPattern("(?:a|(?=b)b)".repeat(60)))
                .contains("more than 10,000,000 steps");
        assertThat(refusedPattern("(?=.*[a-z])".repeat(20) + "a+")).isEmpty();
    }

    @Test
    void automataTakeABoundedNumberOfSteps() throws InterruptedException {
        assertThat(refusedPattern("(?:a{0,300}b{0,300}){0,30}")).contains("steps");
        assertThat(refusedPattern("(?:.*a.{14}b|.*c.{12}d)")).contains("more than");
        assertThat(refusedPattern("(" + "ab|ac|ad|".repeat(5000) + "z)*")).isEmpty();
        assertThat(refusedPattern("[" + "a-zA-Z".repeat(20_000) + "]")).isEmpty();
        String schema =
                "{\"properties\": {\"a\": {\"pattern\": \"(?:a{0,300}b{0,300}){0,30}\"}}, \"required\": [\"a\"]}";
        assertThat(refusal(schema)).contains("'pattern' at /properties/a").contains("steps");
    }

    @Test
    void hugeNumbersAreRefusedByKeywordAndPlace() throws InterruptedException {
        for (String keyword : List.of("multipleOf", "minimum", "const", "maxLength")) {
            for (String number : List.of("1e600000000", "1e-600000000")) {
                String schema =
                        "{\"properties\": {\"a\": {\"multipleOf\": 3, \"%s\": %s}}}"
                                .formatted(keyword, number);
                assertThat(
                                refusal(
                                        schema.replace(
                                                "\"multipleOf\": 3, \"multipleOf\"",
                                                "\"multipleOf\"")))
                        .contains("'" + keyword + "' at /properties/a")
                        .contains("use fewer");
            }
        }
        assertThat(refusal("{\"enum\": [[{\"a\": 1e600000000}]]}")).contains("use fewer");
        assertThat(refusal("{\"items\": {\"multipleOf\": 123456789}}"))
                .contains("'multipleOf' at /items")
                .contains("up to 10,000");
    }

    @Test
    void chainsOfReferencesAreFollowedToABoundedDepth() throws InterruptedException {
        assertThat(refusal(chain(150))).isEmpty();
        assertThat(refusal(chain(20_000)))
                .contains("'$ref' at /$defs/a201")
                .contains("fewer steps");
    }

    private static String chain(int length) {
        StringBuilder schema = new StringBuilder("{\"$ref\": \"#/$defs/a1\", \"$defs\": {");
        for (int i = 1; i < length; i++) {
            schema.append("\"a%d\": {\"$ref\": \"#/$defs/a%d\"}, ".formatted(i, i + 1));
        }
        return schema.append("\"a%d\": {\"type\": \"integer\"}}}".formatted(length)).toString();
    }

    @Test
    void valuesMayBeNestedAsDeepAsTheirSchemasSay() throws InterruptedException {
        StringBuilder schema = new StringBuilder("{\"$ref\": \"#/$defs/a0\", \"$defs\": {");
        for (int i = 0; i < 3000; i++) {
            schema.append(
                    "\"a%d\": {\"type\": \"array\", \"minItems\": 1, \"items\": {\"$ref\": \"#/$defs/a%d\"}}, "
                            .formatted(i, i + 1));
        }
        String whole = schema.append("\"a3000\": {\"const\": 7}}}").toString();
        assertThat(refusal(whole)).isEmpty();
        assertThat(compiler.jsonSchema(whole).fewestTokens()).isEqualTo(6002);
    }

    @Test
    void manyContainedItemsTakeNoRecursion() throws InterruptedException {
        String many = "{\"type\": \"array\", \"contains\": {\"const\": 1}, \"minContains\": %d}";
        assertThat(refusal(many.formatted(9000))).isEmpty();
        assertThat(refusal("{\"items\": %s}".formatted(many.formatted(50_000))))
                .contains("'contains'")
                .contains("use smaller numbers of items");
    }

    @Test
    void aStateOfTooManyPlacesFailsItsMatcherAlone() {
        StringBuilder schema = new StringBuilder("{\"anyOf\": [{\"type\": \"null\"}");
        for (int i = 0; i < 300; i++) {
            schema.append(", {\"type\": \"object\", \"properties\": {");
            for (int k = 0; k < 20; k++) {
                schema.append("\"a%d\": {\"type\": \"null\"}, ".formatted(k));
            }
            schema.append("\"key\": {\"const\": %d}}, \"required\": [\"key\"]}".formatted(i));
        }
        GrammarCompiler large = new GrammarCompiler(vocabulary, true, 64 << 20);
        Grammar grammar = large.jsonSchema(schema.append("]}").toString());
        Matcher matcher = grammar.matcher();
        Matcher other = grammar.matcher();
        assertThat(matcher.accept(new byte[] {'{', '"'})).isFalse();
        assertThat(matcher.failure())
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("more than 4,096 positions of the grammar are possible");
        assertThat(matcher.mask(new long[grammar.maskWords()], 100)).isFalse();
        assertThat(other.accept("null".getBytes())).isTrue();
        assertThat(other.isAccepting()).isTrue();
        assertThat(other.failure()).isNull();
    }

    @Test
    void alternativesThatAllGoOnWithAnyCharacterAreRefusedOrFailTheirMatcherAlone()
            throws InterruptedException {
        assertThat(refusal(patterns(400)))
                .contains("more than 8,192 bytes may follow")
                .contains("use fewer");
        assertThat(refusal(patterns(40))).isEmpty();

        String inner = "{\"items\": %s, \"type\": \"array\"}".formatted(patterns(400));
        Grammar grammar = compiler.jsonSchema(inner);
        Matcher matcher = grammar.matcher();
        Matcher other = grammar.matcher();
        assertThat(matcher.accept("[\"".getBytes())).isFalse();
        assertThat(matcher.failure()).hasMessageContaining("more than 8,192 bytes may follow");
        assertThat(other.accept("[]".getBytes())).isTrue();
        assertThat(other.isAccepting()).isTrue();
    }

    private static String patterns(int count) {
        StringBuilder schema = new StringBuilder("{\"anyOf\": [");
        for (int i = 0; i < count; i++) {
            String pattern = "w%d.*%dx".formatted(i, i);
            schema.append(i == 0 ? "" : ", ")
                    .append("{\"type\": \"string\", \"pattern\": \"%s\"}".formatted(pattern));
        }
        return schema.append("]}").toString();
    }

    @Test
    void anObjectMayHaveManyNames() throws InterruptedException {
        StringBuilder schema = new StringBuilder("{\"type\": \"object\", \"properties\": {");
        for (int i = 0; i < 1500; i++) {
            schema.append(i == 0 ? "" : ", ").append("\"a%d\": {\"type\": \"null\"}".formatted(i));
        }
        Grammar grammar = compiler.jsonSchema(schema.append("}}").toString());
        Matcher matcher = grammar.matcher();
        assertThat(matcher.mask(new long[grammar.maskWords()], 100)).isTrue();
        assertThat(matcher.accept("{\"a7\":null,\"a1499\":null}".getBytes())).isTrue();
        assertThat(matcher.isAccepting()).isTrue();
    }
}
