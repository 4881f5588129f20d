package io.millrace.gpu.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Our interpreter beside Python's jinja2. */
class JinjaComparisonTest {

    static Stream<String> goldens() {
        return cases("golden.json").map(c -> c.path("name").textValue());
    }

    private static Stream<JsonNode> cases(String file) {
        return StreamSupport.stream(TestingCases.json(file).spliterator(), false);
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void rendersModelTemplatesToTheLetter(String name) {
        JsonNode golden =
                cases("golden.json")
                        .filter(c -> c.path("name").textValue().equals(name))
                        .findFirst()
                        .orElseThrow();
        String source =
                golden.has("template")
                        ? golden.path("template").textValue()
                        : TestingCases.text(golden.path("file").textValue());
        Map<String, Object> context = TestingCases.map(golden.path("context"));
        String rendered = null;
        String raised = null;
        try {
            rendered = ChatTemplate.parse(source).render(context, TestingCases.CLOCK);
        } catch (TemplateException e) {
            raised = e.isRaised() ? e.getMessage() : "UndefinedError";
        }
        assertThat(rendered).isEqualTo(golden.path("out").textValue());
        assertThat(raised).isEqualTo(golden.path("error").textValue());
    }

    @Test
    void agreesOnSmallTemplatesAndRefusesWhatPythonRefuses() {
        JsonNode file = TestingCases.json("differential.json");
        Map<String, Object> context = TestingCases.map(file.path("context"));
        List<String> differences = new ArrayList<>();
        int agreed = 0;
        for (JsonNode one : file.path("cases")) {
            String source = one.path(0).textValue();
            String expected = one.path(1).isNull() ? "ERROR" : one.path(1).textValue();
            String rendered;
            try {
                rendered = ChatTemplate.parse(source).render(context, TestingCases.CLOCK);
            } catch (TemplateException e) {
                assertThat(e.line()).as(source).isPositive();
                assertThat(e.isRaised() || e.getMessage().contains("line ")).as(source).isTrue();
                rendered = "ERROR";
            }
            if (rendered.equals(expected)) {
                agreed++;
            } else {
                differences.add(source + "\n  python " + expected + "\n  ours   " + rendered);
            }
        }
        assertThat(differences).isEmpty();
        assertThat(agreed).isGreaterThan(3000);
    }
}
