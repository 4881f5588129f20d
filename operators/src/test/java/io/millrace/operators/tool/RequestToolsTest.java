package io.millrace.operators.tool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestToolsTest {
    private static final String F = "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}";

    private static InferenceRequest request(String tools, String choice) {
        return InferenceRequest.newBuilder()
                .setId("r")
                .setMessages(List.of(new ChatMessage("user", "hi", null, null, null, null)))
                .setTools(tools)
                .setToolChoice(choice)
                .build();
    }

    private static ToolUse use(InferenceRequest request) throws RequestRejectedException {
        return new RequestTools(ToolFormat.HERMES, null).of(request);
    }

    private static String withParameters(String parameters) {
        return F.replace("\"f\"", "\"f\",\"parameters\":" + parameters);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    {                                        | tools is no JSON array (
                    []                                       | tools is no array of 1 to 128 tools
                    [7]                                      | tools[0] is no object
                    [{"type":"web_search"}]                  | tools[0].type is "web_search": this release has tools of the type "function".
                    [{"type":"function"}]                    | tools[0].function.name is : it must be
                    [{"type":"function","function":{"name":"a b"}}] | tools[0].function.name is "a b": it must be
                    [{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"$ref":"http://127.0.0.1:9/x"}}}}}] | the tool f cannot be used
                    [{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"$ref":"file:///etc/hostname"}}}}}] | the tool f cannot be used
                    [{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"pattern":"(a)\\\\1"}}}}}] | the tool f cannot be used
                    """)
    void toolsThatCannotBeUsedAreRefusedByPlaceAndName(String tools, String message) {
        assertThatThrownBy(() -> use(request(tools, null)))
                .isInstanceOf(RequestRejectedException.class)
                .hasMessageContaining(message);
    }

    @Test
    void twoOfANameAreRefused() {
        assertThatThrownBy(() -> use(request("[" + F + "," + F + "]", null)))
                .hasMessage("tools: the tool f cannot be used, it stands twice.");
    }

    @Test
    void thePatternsOfAllToolsAreBoundedTogether() throws Exception {
        String pattern = "{\"type\":\"string\",\"pattern\":\"(a|b)*a(a|b){5}x%d\"}";
        assertThat(use(request("[" + withParameters(pattern.formatted(0)) + "]", null)))
                .isNotNull();
        List<String> many = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            many.add("\"p" + i + "\":" + pattern.formatted(i));
        }
        String all = "{\"properties\":{" + String.join(",", many) + "}}";
        assertRefused(
                request("[" + withParameters(all) + "]", null),
                "its automata would take more than 2,000,000 steps");
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        assertRefused(request(null, "f"), "tool_choice is f, but there are no tools");
        assertRefused(request("[" + F + "]", "g"), "tool_choice is g, but the tools are f: name");
        InferenceRequest both = request("[" + F + "]", null);
        both.setConstraint(new io.millrace.schemas.Constraint(null, "a", null));
        assertRefused(both, "constraint is set beside tools");
        InferenceRequest stop = request("[" + F + "]", "required");
        stop.setStop(List.of("x"));
        assertRefused(stop, "tool_choice is required beside stop");
        assertThatThrownBy(
                        () ->
                                new RequestTools(ToolFormat.NONE, null)
                                        .of(request("[" + F + "]", null)))
                .hasMessageContaining("give the job --tool-format");
    }

    private static void assertRefused(InferenceRequest request, String message) {
        assertThatThrownBy(() -> use(request)).hasMessageContaining(message);
    }

    @Test
    void aRequestsOwnToolsComeBeforeTheJobs() throws Exception {
        RequestTools tools =
                new RequestTools(ToolFormat.HERMES, "[" + F.replace("\"f\"", "\"job\"") + "]");
        assertThat(tools.of(request(null, null)).values().toString()).contains("job");
        assertThat(tools.of(request("[" + F + "]", null)).values().toString())
                .doesNotContain("job");
        assertThat(tools.of(request(null, "none"))).isNull();
        InferenceRequest prompt = request(null, null);
        prompt.setMessages(null);
        assertThat(tools.of(prompt)).isNull();
    }

    @Test
    void aCallThatMustBeIsAConstraintWithReferencesOfItsOwn() throws Exception {
        String tools =
                "["
                        + withParameters(
                                "{\"$defs\":{\"x\":{\"type\":\"integer\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}}}")
                        + ","
                        + F.replace("\"f\"", "\"g\"")
                        + "]";
        ToolUse one = use(request(tools, "f"));
        assertThat(one.isForced()).isTrue();
        assertThat(one.opened("prompt")).isEqualTo("prompt<tool_call>\n");
        JsonNode schema = schema(one);
        assertThat(schema.at("/properties/name/const").asText()).isEqualTo("f");
        assertThat(schema.at("/$defs/tool0/$id").asText()).isEqualTo("tool0");
        JsonNode any = schema(use(request(tools, "required")));
        assertThat(any.get("anyOf")).hasSize(2);
        assertThat(any.at("/anyOf/1/properties/name/const").asText()).isEqualTo("g");
        JsonNode mistral =
                schema(new RequestTools(ToolFormat.MISTRAL, null).of(request(tools, "f")));
        assertThat(mistral.at("/items/properties/name/const").asText()).isEqualTo("f");
    }

    private static JsonNode schema(ToolUse use) throws Exception {
        return new JsonMapper().readTree(((Constraint.JsonSchema) use.constraint()).schema());
    }
}
