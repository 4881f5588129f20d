package io.millrace.gpu.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.RequestRejectedException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Users' templates: what they render, and that nothing that is missing is printed. */
class PromptTemplateTest {
    private static final Instant CLOCK = Instant.parse("2026-11-30T12:00:00Z");
    private static final Map<String, Object> VALUES =
            Map.of(
                    "event",
                    Map.of(
                            "subject",
                            "refund",
                            "tags",
                            List.of("a", "b"),
                            "order",
                            Map.of("total", 17),
                            "items",
                            List.of(Map.of("name", "x"), Map.of("name", "y")),
                            "update",
                            Map.of("t", 54)));

    private static String render(String template) throws RequestRejectedException {
        return PromptTemplate.parse(template).render(VALUES, CLOCK);
    }

    @Test
    void valuesAreRendered() throws Exception {
        assertThat(
                        render(
                                "{{ event.subject }} {{ event.order.total }}{% for t in event.tags %}"
                                        + " #{{ t }}{% endfor %} {{ strftime_now('%Y') }}"))
                .isEqualTo("refund 17 #a #b 2026");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{{ event.subjct }}                          ; 'subjct'",
                "x {{ evnt.subject }}                        ; 'evnt' is undefined",
                "{{ event.subjct | upper }}                  ; 'subjct'",
                "{{ 'a' ~ event.subjct }}                    ; 'subjct'",
                "{% for t in event.tag %}{{ t }}{% endfor %} ; 'tag'",
                "{{ event.order.totl | tojson }}             ; 'totl'",
                "{{ event.items | map(attribute='nmae') | join(', ') }} ; 'nmae'",
                "{{ event['items'] | join(', ', attribute='nmae') }}    ; 'nmae'",
                "{{ [event.subject, event.b] | join(' ') }}  ; 'b'",
                "{{ event.tags | join(event.b) }}            ; 'b'",
                "{{ '-'.join([event.b]) }}                   ; 'b'",
                "{{ '%s' % event.b }}                        ; 'b'",
                "{{ '%r' % [event.b] }}                      ; 'b'",
                "{{ '{}'.format(event.b) }}                  ; 'b'",
                "{{ '%s' | format(event.b) }}                ; 'b'",
                "{{ event.subject | replace('r', event.b) }} ; 'b'",
                "{{ [event.b] }}                             ; 'b'",
                "{{ {'k': (1, event.b)} }}                   ; 'b'",
                "{{ [event.b] | string }}                    ; 'b'",
                "{{ [event.b] | tojson }}                    ; 'b'",
                "{{ event.items | map(attribute='nmae') | list }} ; 'nmae'",
                "{{ event.order[event.b] }}                  ; 'b'",
                "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(event.b) }} ; 'b'",
                "{{ event.values }}                          ; 'values'",
                "{{ event['keys'] | list }}                  ; 'keys'",
                "{{ event.order.update.t }}                  ; 'update'",
                "{{ event.pop('items') }}                    ; 'pop'"
            })
    void whatIsMissingIsAnErrorWithItsLine(String template, String named) {
        assertThatThrownBy(() -> render("\n" + template))
                .isInstanceOf(RequestRejectedException.class)
                .hasMessageStartingWith("line 2 of the template: ")
                .hasMessageContaining(named);
    }

    @Test
    void whatIsMissingMayBeTestedAndReplaced() throws Exception {
        assertThat(
                        render(
                                "{{ event.x | default('none') }}{{ event.x | d('!') }}"
                                        + "{% if event.x %}yes{% else %}no{% endif %}"
                                        + "{% if event.x is defined %}yes{% else %}no{% endif %}"))
                .isEqualTo("none!nono");
    }

    @Test
    void aFieldComesBeforeAMethodAndACallFindsTheMethod() throws Exception {
        assertThat(
                        render(
                                "{% for i in event.items %}{{ i.name }}{% endfor %} {{ event.update.t }}"
                                        + " {{ event.items | map(attribute='name') | join(', ') }}"
                                        + "{% if event.keys or event['get'] %} keys{% endif %}"))
                .isEqualTo("xy 54 x, y");
        assertThat(
                        render(
                                "{% for k, v in event.order.items() %}{{ k }}={{ v }}{% endfor %}"
                                        + " {{ event.get('subject') }} {{ event.get('b', '-') }}"
                                        + " {{ event.items() | length }}"))
                .isEqualTo("total=17 refund - 5");
    }

    @Test
    void aMalformedTemplateIsRefusedWithItsLine() {
        assertThatThrownBy(() -> PromptTemplate.parse("a\nb {% if event.x %}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("line 2 of the template: ");
        assertThatThrownBy(() -> PromptTemplate.parse("{% include 'x' %}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("include");
    }

    @Test
    void aTemplateMayRefuseValuesInItsOwnWords() {
        assertThatThrownBy(() -> render("{{ raise_exception('no ' ~ event.subject) }}"))
                .isInstanceOf(RequestRejectedException.class)
                .hasMessage("no refund");
    }

    @Test
    void whatTakesLongIsLeftByTheBriefTryAndRenderedByTheOther() throws Exception {
        PromptTemplate loop =
                PromptTemplate.parse("{% for i in range(30000) %}{{ i % 10 }}{% endfor %}");
        assertThat(loop.renderBriefly(VALUES, CLOCK)).isEmpty();
        assertThat(loop.render(VALUES, CLOCK)).hasSize(30000);
        PromptTemplate endless =
                PromptTemplate.parse(
                        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}");
        assertThat(endless.renderBriefly(VALUES, CLOCK)).isEmpty();
        assertThatThrownBy(() -> endless.render(VALUES, CLOCK))
                .isInstanceOf(RequestRejectedException.class)
                .hasMessageContaining("takes more than 5000000 steps");
        assertThat(PromptTemplate.parse("{{ event.subject }}").renderBriefly(VALUES, CLOCK))
                .contains("refund");
    }
}
