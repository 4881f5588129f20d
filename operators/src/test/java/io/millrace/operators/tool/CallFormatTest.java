package io.millrace.operators.tool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions.ToolFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CallFormatTest {
    /** A column with calls is NAME ARGUMENTS, then a comma and the next; % is a line feed. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    HERMES | hi | hi | ``
                    HERMES | <tool_call>%{"name": "f", "arguments": {"a": 1}}%</tool_call> | `` | f {"a": 1}
                    HERMES | I look.%<tool_call>{"name":"f","arguments":{}}</tool_call>%<tool_call>{"arguments":{"b":[1]},"name":"g"} | I look. | f {}, g {"b":[1]}
                    HERMES | <tool_call>{"name":"f","arguments":{"x":"</tool_call>"}}</tool_call> done | done | f {"x":"</tool_call>"}
                    HERMES | <tool_call>{"name":"f","parameters":{"x":1.50}}</tool_call> | `` | f {"x":1.50}
                    LLAMA3 | hi | hi | ``
                    LLAMA3 | {"name": "f", "parameters": {"a": 1}} | `` | f {"a": 1}
                    LLAMA3 | PYTHON_TAG{"type":"function","name":"f","parameters":{}}; {"name":"g","parameters":{}} | `` | f {}, g {}
                    LLAMA3 | Yes. PYTHON_TAG{"name":"f","parameters":{}} | Yes. | f {}
                    LLAMA3 | {"name":"f","arguments":{}}%{"name":"g","parameters":{}} | `` | f {}, g {}
                    LLAMA3 | {"label":"ham"} | {"label":"ham"} | ``
                    MISTRAL | hi | hi | ``
                    MISTRAL | [TOOL_CALLS] [{"name":"f","arguments":{"a":[1,2]}}, {"name":"g","arguments":{},"id":"abcdefghi"}] | `` | f {"a":[1,2]}, g {}
                    MISTRAL | So: [TOOL_CALLS]f{"a":1} | So: | f {"a":1}
                    MISTRAL | [TOOL_CALLS]f[ARGS]{"a":1}[TOOL_CALLS]g[CALL_ID]abcdefghi[ARGS]{} | `` | f {"a":1}, g {}
                    """)
    void takesAnAnswerApart(ToolFormat format, String answer, String text, String calls)
            throws Exception {
        CallFormat.Parts parts = CallFormat.of(format).parse(marked(answer));
        assertThat(parts.text().strip()).isEqualTo(text);
        assertThat(
                        String.join(
                                ", ",
                                parts.calls().stream()
                                        .map(call -> call.name() + " " + call.arguments())
                                        .toList()))
                .isEqualTo(calls);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    HERMES | <tool_call>f(1)</tool_call> | is no whole JSON
                    HERMES | <tool_call>{"name":"f","arguments":{"a":</tool_call> | is no whole JSON
                    HERMES | <tool_call>{"name":"f","argum | is no whole JSON
                    HERMES | <tool_call>{"name":"f","name":"g","arguments":{}}</tool_call> | is no whole JSON
                    HERMES | <tool_call>["f"]</tool_call> | has no JSON object
                    HERMES | <tool_call>{"arguments":{}}</tool_call> | has no name
                    HERMES | <tool_call>{"name":7,"arguments":{}}</tool_call> | has a name that is no text
                    HERMES | <tool_call>{"name":"f"}</tool_call> | has no arguments
                    HERMES | <tool_call>{"name":"f","arguments":"{}"}</tool_call> | has arguments that are no object
                    HERMES | <tool_call>{"name":"f","arguments":{},"parameters":{}}</tool_call> | has arguments twice
                    HERMES | <tool_call>{"name":"f","arguments":{}} and more</tool_call> | has more than an object in its tags
                    LLAMA3 | PYTHON_TAGsearch.call(query="x") | is no whole JSON
                    LLAMA3 | {"name":"f","parameters":{"a" | is no whole JSON
                    MISTRAL | [TOOL_CALLS][{"name":"f","arguments":{}} | is in an array that does not end
                    MISTRAL | [TOOL_CALLS]{"a":1} | has no name
                    MISTRAL | [TOOL_CALLS]f[ARGS]{"a":1} so | has more text behind it
                    """)
    void whatIsNoCallIsSaid(ToolFormat format, String answer, String fault) {
        assertThatThrownBy(() -> CallFormat.of(format).parse(marked(answer)))
                .isInstanceOf(CallException.class)
                .hasMessage(fault);
    }

    private static String marked(String answer) {
        return answer.replace('%', '\n').replace("PYTHON_TAG", "<|python_tag|>");
    }
}
