package io.millrace.gpu.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.ChatTurn;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that want too much, or what is not theirs. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TemplateSandboxTest {

    private static final String DOUBLING =
            "{% set ns = namespace(x=$) %}{% for i in range(60) %}{% set ns.x = # %}{% endfor %}";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'a' * 10**9 }}",
                "{{ 'a' * 10**18 }}",
                "{{ [0] * 10**9 }}",
                "{{ (0,) * 10**30 }}",
                "{{ range(10**9) | list }}",
                "{{ range(10**30) | length }}",
                "{{ 10 ** (10 ** 10) }}",
                "{{ 9 ** 99999 }}",
                "{{ '%9999d' % 1 * 10**6 }}",
                "{{ '%999999999d' % 1 }}",
                "{{ 'a'.center(10**9) }}",
                "{{ 'a'.ljust(10**9) }}",
                "{{ '1'.zfill(10**9) }}",
                "{{ 'a' | center(10**9) }}",
                "{{ 'a\nb' | indent(10**9) }}",
                "{{ [1] | tojson(indent=10**9) }}",
                "{{ ('a' * 9999).replace('a', 'b' * 9999) }}",
                "{{ ('a' * 9999).replace('', 'b' * 9999) }}",
                "{{ ('b' * 9999).join(['a'] * 9999) }}",
                "{{ (['a'] * 99999) | join('b' * 9999) }}",
                "{{ [1, 2] | batch(10**9, 0) | list }}",
                "{{ [1, 2] | slice(10**9, 0) | list }}",
                "{{ ('a ' * 2000000).split() }}",
                "{{ 'a' * 999999 ~ 'a' * 999999 ~ 'a' * 999999 ~ 'a' * 999999 ~ 'a' * 999999 }}",
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
                "{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}",
                "{% for i in range(99999) %}{% set x = 'a' * 999999 %}{% endfor %}",
                "{% set x = 'a' * 999999 %}{% for i in range(99999) %}{{ 'b' in x }}{% endfor %}",
                "{% set x = range(99999) %}{% for i in x %}{{ -1 in x }}{% endfor %}",
                "{% set x = 'a' * 999999 %}{% for i in range(99999) %}{{ x.upper() is none }}{% endfor %}",
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}",
                "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson }}",
                "{% set ns = namespace(x=[], y=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x < ns.y }}",
                "{% set ns = namespace(x=(0,)) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}",
                "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
                "{% set ns = namespace(x=[0], y=[0]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}"
            })
    void refusesWhatCostsTooMuch(String source) throws InterruptedException {
        assertThat(onSmallStack(source)).as(source).isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'a'; ns.x + ns.x; ns.x",
                "[0]; ns.x + ns.x; ns.x",
                "[0]; [ns.x, ns.x]; ns.x",
                "[0]; [ns.x, ns.x]; ns.x | tojson",
                "(0,); (ns.x, ns.x); {ns.x: 1}",
                "(0,); (ns.x, ns.x); [ns.x, ns.x] | unique | list",
                "{}; {'a': ns.x, 'b': ns.x}; ns.x",
                "2; ns.x * ns.x; ns.x",
                "'{}{}'; ns.x.format(ns.x, ns.x) ~ '{}{}'; ns.x",
                "'<'; ns.x | e | forceescape ~ ns.x; ns.x"
            })
    void refusesWhatDoublesAndDoubles(String start) throws InterruptedException {
        String[] parts = start.split("; ");
        String source =
                DOUBLING.replace("$", parts[0]).replace("#", parts[1]) + "{{ " + parts[2] + " }}";
        assertThat(onSmallStack(source)).as(source).isInstanceOf(TemplateException.class);
    }

    @Test
    void refusesDeepSources() throws InterruptedException {
        for (String deep :
                List.of(
                        "{{ " + "(".repeat(50000) + "1" + ")".repeat(50000) + " }}",
                        "{{ " + "[".repeat(50000) + "]".repeat(50000) + " }}",
                        "{{ " + "{1:".repeat(50000) + "1" + "}".repeat(50000) + " }}",
                        "{{ " + "-".repeat(50000) + "1 }}",
                        "{{ 1" + " + 1".repeat(50000) + " }}",
                        "{{ x" + ".x".repeat(50000) + " }}",
                        "{{ '' " + " | upper".repeat(50000) + " }}",
                        "{{ 1" + " if 1 else 1".repeat(50000) + " }}",
                        "{% if 1 %}".repeat(20000) + "{% endif %}".repeat(20000),
                        "{% for x in " + "(".repeat(50000),
                        "{% for " + "(".repeat(50000) + "x",
                        "{% macro f(x=" + "f(".repeat(50000))) {
            assertThat(onSmallStack(deep))
                    .as(deep.substring(0, 20))
                    .isInstanceOf(TemplateException.class);
        }
        assertThat(onSmallStack("{{ " + "not ".repeat(50001) + "1 }}")).isEqualTo("False");
        assertThat(onSmallStack("{{ 1" + " ~ 1".repeat(999) + " }}")).isEqualTo("1".repeat(1000));
        assertThat(onSmallStack("{{ 0" + " + 1".repeat(250) + " }}")).isEqualTo("250");
        assertThat(
                        onSmallStack(
                                "{% if 0 %}"
                                        + "{% elif 0 %}".repeat(9999)
                                        + "{% else %}x{% endif %}"))
                .isEqualTo("x");
    }

    /** What a template gives, or why not, on half of the stack that a thread has by default. */
    private static Object onSmallStack(String source) throws InterruptedException {
        AtomicReference<Object> result = new AtomicReference<>();
        Thread thread =
                new Thread(
                        null,
                        () -> {
                            try {
                                result.set(render(source));
                            } catch (Throwable e) {
                                result.set(e);
                            }
                        },
                        "small stack",
                        512 << 10);
        thread.start();
        thread.join();
        return result.get();
    }

    private static String render(String source) {
        return ChatTemplate.parse(source).render(Map.of(), Instant.EPOCH);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "''.__class__",
                "''['__class__']",
                "''.__class__.__mro__",
                "[].__init__",
                "{}.__class__ is defined",
                "range.__globals__",
                "''.upper.__self__",
                "namespace().__class__",
                "[''] | map(attribute='__class__') | list",
                "'' | attr('__class__')",
                "[1].append(2)",
                "{}.update({})",
                "{'a': 1}.pop('a')",
                "''.getClass()",
                "''.class.forName('x')",
                "''.getBytes()",
                "'{0.__class__}'.format('')"
            })
    void refusesWhatIsNotATemplatesBusiness(String expression) {
        assertThatThrownBy(() -> render("{{ " + expression + " }}"))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("line 1");
    }

    @Test
    void letsNoJavaObjectIn() {
        ChatTemplate template = ChatTemplate.parse("{{ x }}");

        assertThatThrownBy(() -> template.render(Map.of("x", new Object()), Instant.EPOCH))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("java.lang.Object");
    }

    @Test
    void rendersAMegabyteOfMessages() {
        ChatTemplate qwen = ChatTemplate.parse(TestingCases.text("qwen3.jinja"));
        String content = "naïve words and \n lines ".repeat(50_000);
        List<ChatTurn> turns =
                List.of(
                        new ChatTurn("user", "Hi"),
                        new ChatTurn("assistant", "<think>" + content + "</think>x"),
                        new ChatTurn("user", content));

        assertThat(qwen.render(ChatPrompt.of(turns, Instant.EPOCH))).hasSizeGreaterThan(1_200_000);
    }

    @Test
    void rendersAThousandTurns() {
        ChatTemplate qwen = ChatTemplate.parse(TestingCases.text("qwen3.jinja"));
        List<ChatTurn> turns = new java.util.ArrayList<>();
        for (int i = 0; i < 1023; i++) {
            turns.add(new ChatTurn(i % 2 == 0 ? "user" : "assistant", "turn " + i));
        }

        assertThat(qwen.render(ChatPrompt.of(turns, Instant.EPOCH)))
                .contains("turn 1022<|im_end|>");
    }
}
