package io.millrace.gpu.sampling.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.sampling.grammar.regex.Formats;
import io.millrace.gpu.sampling.grammar.schema.CompiledSchema;
import io.millrace.gpu.sampling.grammar.schema.InstanceText;
import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import io.millrace.gpu.sampling.grammar.shape.SchemaLimits;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

class GrammarCompilerTest {
    private final Vocabulary vocabulary = new Vocabulary(SchemaCases.vocabulary());
    private final GrammarCompiler compiler = new GrammarCompiler(vocabulary, true, 8 << 20);

    static boolean takes(Grammar grammar, String text) {
        Matcher matcher = grammar.matcher();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            if (!matcher.accept(new byte[] {b})) {
                return false;
            }
        }
        return matcher.isAccepting();
    }

    @Test
    void eachKeywordIsJudgedAsItsCasesSay() {
        SoftAssertions all = new SoftAssertions();
        for (JsonNode one : SchemaCases.read("cases.jsonl")) {
            JsonNode schema = one.get("schema");
            Grammar grammar = compiler.jsonSchema(schema);
            CompiledSchema compiled =
                    CompiledSchema.of(schema, new Formats(), SchemaLimits.DEFAULT);
            for (String kind : List.of("valid", "invalid")) {
                for (JsonNode value : one.get(kind)) {
                    String text = InstanceText.of(value, compiled.order());
                    all.assertThat(takes(grammar, text))
                            .as("%s by %s", text, schema)
                            .isEqualTo(kind.equals("valid"));
                }
            }
        }
        all.assertAll();
    }

    @Test
    void whatIsNotSupportedIsRefusedByKeywordAndPlace() {
        SoftAssertions all = new SoftAssertions();
        for (JsonNode one : SchemaCases.read("refused.jsonl")) {
            Throwable thrown = null;
            try {
                CompiledSchema.of(one.get("schema"), new Formats(), SchemaLimits.DEFAULT);
            } catch (SchemaException e) {
                thrown = e;
                all.assertThat(e.keyword()).as("%s", one).isEqualTo(one.get("keyword").asText());
                all.assertThat(e.pointer()).as("%s", one).isEqualTo(one.get("pointer").asText());
            }
            all.assertThat(thrown).as("%s", one).isNotNull();
        }
        all.assertAll();
    }

    @Test
    void aSchemaThatIsNoJsonIsRefused() {
        assertThatThrownBy(() -> compiler.jsonSchema("{\"type\": "))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("not JSON");
        assertThatThrownBy(() -> compiler.jsonSchema("{\"type\": \"null\", \"type\": \"null\"}"))
                .hasMessageContaining("Duplicate field 'type'");
        assertThatThrownBy(() -> compiler.jsonSchema("[]")).hasMessageContaining("is not a schema");
        assertThatThrownBy(() -> compiler.jsonSchema("{\"const\": \"\\ud800\"}"))
                .hasMessageContaining("lone surrogate");
    }

    @Test
    void aSchemaWithoutValidValuesIsAnEmptyGrammar() {
        assertThat(compiler.jsonSchema("false").isEmpty()).isTrue();
        assertThat(compiler.jsonSchema("{\"type\": \"string\", \"enum\": [1]}").isEmpty()).isTrue();
        assertThat(compiler.jsonSchema("{}").isEmpty()).isFalse();
    }

    @Test
    void formatsMayBeAnnotations() {
        GrammarCompiler annotating = new GrammarCompiler(vocabulary, false, 8 << 20);
        Grammar grammar = annotating.jsonSchema("{\"format\": \"date\"}");
        assertThat(takes(grammar, "\"soon\"")).isTrue();
    }

    @Test
    void textIsOneLineWithAtMostOneSpaceBehindCommasAndColons() {
        Grammar grammar = compiler.jsonObject();
        assertThat(takes(grammar, "{\"a\": [1, {}], \"b\":[]}")).isTrue();
        assertThat(takes(grammar, "{\"a\":1,\"b\":2}")).isTrue();
        assertThat(takes(grammar, "{\"a\":  1}")).isFalse();
        assertThat(takes(grammar, "{ \"a\": 1}")).isFalse();
        assertThat(takes(grammar, "{\"a\" : 1}")).isFalse();
        assertThat(takes(grammar, "{\"a\": 1} ")).isFalse();
        assertThat(takes(grammar, "[]")).isFalse();
    }

    @Test
    void aFreeStringMayHaveAnyEscapeButNoHalfOfAPair() {
        Grammar grammar = compiler.jsonSchema("{\"type\": \"string\"}");
        assertThat(takes(grammar, "\"\\u0041\\/\\ud83d\\uDE00\\n\"")).isTrue();
        assertThat(takes(grammar, "\"\\ud83d\"")).isFalse();
        assertThat(takes(grammar, "\"\\ude00\"")).isFalse();
        assertThat(takes(grammar, "\"\n\"")).isFalse();
        assertThat(takes(grammar, "\"\\x\"")).isFalse();
    }

    @Test
    void aChoiceIsOneOfItsTexts() {
        Grammar grammar = compiler.choice(List.of("yes", "no", "\u00e9t\u00e9", "yes, but"));
        assertThat(List.of("yes", "no", "\u00e9t\u00e9", "yes, but"))
                .allMatch(text -> takes(grammar, text));
        assertThat(List.of("", "y", "yes,", "nope", "e")).noneMatch(text -> takes(grammar, text));
    }

    @Test
    void aRegularExpressionMatchesTheWholeAnswer() {
        Grammar grammar = compiler.regex("[A-Z]\\w{1,3}(, \\d+)?|\\u{1F600}");
        assertThat(List.of("Ab", "Abcd, 12", "\ud83d\ude00")).allMatch(t -> takes(grammar, t));
        assertThat(List.of("A", "ab", "Abcde", "Ab, ")).noneMatch(t -> takes(grammar, t));
        assertThatThrownBy(() -> compiler.regex("(a)\\1"))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("'(a)\\1'")
                .hasMessageContaining("\\1 is not supported");
    }

    @Test
    void aSchemaThatWouldExplodeIsRefusedInTime() {
        StringBuilder all = new StringBuilder("{\"allOf\": [");
        for (int i = 0; i < 40; i++) {
            all.append(i == 0 ? "" : ", ")
                    .append(
                            "{\"anyOf\": [{\"required\": [\"a%d\"]}, {\"required\": [\"b%d\"]}]}"
                                    .formatted(i, i));
        }
        assertThatThrownBy(() -> compiler.jsonSchema(all.append("]}").toString()))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining("alternatives");
        String deep = "{\"items\": ".repeat(400) + "{}" + "}".repeat(400);
        assertThatThrownBy(() -> compiler.jsonSchema(deep)).hasMessageContaining("deeper than 200");
    }
}
