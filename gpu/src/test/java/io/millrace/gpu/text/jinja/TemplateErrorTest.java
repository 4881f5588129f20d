package io.millrace.gpu.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that are wrong fail with one sentence, never otherwise. */
class TemplateErrorTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{{ x # 1 # '{{' is not closed",
                "{% if x %} # 1 # 'if' is not closed by 'endif'",
                "a\\n{% for x in y %}\\n{% endif %} # 3 # unknown tag 'endif'",
                "a\\n\\n{% include 'x' %} # 3 # the tag 'include' is not supported",
                "{{ 1 +\\n* 2 }} # 2 # expected an expression, found '*'",
                "{{ (1] }} # 1 # unexpected ']', expected ')'",
                "{{ ? }} # 1 # unexpected character '?'",
                "{{ 'a }} # 1 # the string that begins with ' is not closed",
                "\\n{{ 1 | nope }} # 2 # there is no filter 'nope'",
                "\\n{{ 1 is nope }} # 2 # there is no test 'nope'",
                "\\n{{ nope() }} # 2 # 'nope' is undefined",
                "{{ a.b }} # 1 # 'a' is undefined",
                "{{ {}.b.c }} # 1 # 'dict object' has no attribute 'b'",
                "{{ 1 + 'a' }} # 1 # unsupported operands for +: 'int' and 'str'",
                "{{ 1 / 0 }} # 1 # division by zero",
                "{% break %} # 1 # 'break' stands outside a loop"
            })
    void namesTheConstructAndTheLine(String source, int line, String problem) {
        String template = source.strip().replace("\\n", "\n");

        assertThatThrownBy(() -> ChatTemplate.parse(template).render(Map.of(), Instant.EPOCH))
                .isInstanceOfSatisfying(
                        TemplateException.class,
                        e -> {
                            assertThat(e.line()).isEqualTo(line);
                            assertThat(e.isRaised()).isFalse();
                        })
                .hasMessageStartingWith("chat template, line " + line + ": " + problem.strip());
    }

    @Test
    void givesTheMessageThatATemplateRaises() {
        ChatTemplate template =
                ChatTemplate.parse("\n{{ raise_exception('Only ' ~ 2 ~ ' roles!') }}");

        assertThatThrownBy(() -> template.render(Map.of(), Instant.EPOCH))
                .isInstanceOfSatisfying(
                        TemplateException.class,
                        e -> {
                            assertThat(e.isRaised()).isTrue();
                            assertThat(e.line()).isEqualTo(2);
                        })
                .hasMessage("Only 2 roles!");
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen2_5.jinja", "qwen3.jinja"})
    void everyPrefixOfATemplateParsesOrFailsCleanly(String name) {
        String source = TestingCases.text(name);
        for (int end = 0; end <= source.length(); end++) {
            parses(source.substring(0, end));
        }
    }

    @Test
    void everyPrefixOfEverySmallTemplateParsesOrFailsCleanly() {
        for (JsonNode one : TestingCases.json("differential.json").path("cases")) {
            String source = one.path(0).textValue();
            for (int end = 0; end < Math.min(source.length(), 200); end++) {
                parses(source.substring(0, end));
            }
        }
    }

    private static boolean parses(String source) {
        try {
            ChatTemplate.parse(source);
            return true;
        } catch (TemplateException e) {
            assertThat(e.line()).as(source).isPositive();
            return false;
        }
    }

    @Test
    void shuffledTemplatesRenderOrFailCleanly() {
        JsonNode file = TestingCases.json("differential.json");
        Map<String, Object> context = TestingCases.map(file.path("context"));
        List<String> pieces = new ArrayList<>();
        for (JsonNode one : file.path("cases")) {
            String source = one.path(0).textValue();
            if (source.length() < 300) {
                pieces.addAll(List.of(source.split("(?<=[ (|.\\[])|(?=[ )|.\\]])")));
            }
        }
        Random random = new Random(97);
        int rendered = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder source = new StringBuilder("{{ ");
            for (int n = 1 + random.nextInt(7); n > 0; n--) {
                source.append(pieces.get(random.nextInt(pieces.size()))).append(' ');
            }
            try {
                ChatTemplate.parse(source + "}}").render(context, Instant.EPOCH);
                rendered++;
            } catch (TemplateException e) {
                assertThat(e.line()).as(source.toString()).isPositive();
            }
        }
        assertThat(rendered).isPositive();
    }
}
