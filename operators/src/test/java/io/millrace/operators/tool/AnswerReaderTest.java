package io.millrace.operators.tool;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOptions.Reasoning;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.operators.tool.AnswerReader.Parts;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AnswerReaderTest {
    private static final String TOOLS =
            """
            [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
              "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "days": {"type": "integer"}},
              "required": ["city"], "additionalProperties": false}}},
             {"type": "function", "function": {"name": "now"}}]
            """;

    /** A token is a character, or a special one, which has no text. */
    private static final class Characters implements Tokenizer {
        private final Map<Integer, String> specials = new LinkedHashMap<>();

        Characters(String... specials) {
            for (String special : specials) {
                this.specials.put(1_000_000 + this.specials.size(), special);
            }
        }

        @Override
        public int[] encode(String text) {
            List<Integer> tokens = new ArrayList<>();
            for (int i = 0; i < text.length(); i++) {
                int at = i;
                Integer special =
                        specials.entrySet().stream()
                                .filter(each -> text.startsWith(each.getValue(), at))
                                .map(Map.Entry::getKey)
                                .findFirst()
                                .orElse(null);
                tokens.add(special == null ? (int) text.charAt(i) : special);
                i += special == null ? 0 : specials.get(special).length() - 1;
            }
            return tokens.stream().mapToInt(Integer::intValue).toArray();
        }

        @Override
        public String decode(int[] tokens) {
            StringBuilder text = new StringBuilder();
            for (int token : tokens) {
                text.append(specials.containsKey(token) ? "" : "" + (char) token);
            }
            return text.toString();
        }

        @Override
        public Map<Integer, String> specialTokens() {
            return specials;
        }
    }

    private static InferenceRequest request() {
        return InferenceRequest.newBuilder()
                .setId("r")
                .setMessages(List.of(new ChatMessage("user", "hi", null, null, null, null)))
                .setTools(TOOLS)
                .build();
    }

    private static Parts read(
            InferenceRequest request, ToolFormat format, Reasoning reasoning, String answer) {
        return read(request, format, reasoning, answer, null);
    }

    private static Parts read(
            InferenceRequest request,
            ToolFormat format,
            Reasoning reasoning,
            String answer,
            String cut) {
        Tokenizer tokenizer =
                new Characters("[TOOL_CALLS]", "[ARGS]", "<think>", "</think>", "<eos>");
        ModelInfo model =
                new ModelInfo(
                        "m",
                        "f",
                        new FingerprintParts("m", "t", "k"),
                        EarlierFingerprints.NONE,
                        97,
                        97,
                        97,
                        SamplingParameters.greedy(1),
                        format,
                        reasoning,
                        "testing");
        int[] tokens = tokenizer.encode(answer + "<eos>");
        String text = cut == null ? tokenizer.decode(tokens) : cut;
        return new AnswerReader(model, tokenizer, new RequestTools(format, null), false)
                .read(request, new Completion(0, text, tokens, FinishReason.STOP, null));
    }

    private static Parts hermes(InferenceRequest request, String call) {
        String answer = "Let me see. <tool_call>" + call + "</tool_call>";
        return read(request, ToolFormat.HERMES, Reasoning.NONE, answer);
    }

    @Test
    void aValidCallIsTakenOutOfTheText() {
        Parts parts = hermes(request(), "{\"name\":\"weather\",\"arguments\":{\"city\": \"Ulm\"}}");
        assertThat(parts.text()).isEqualTo("Let me see.");
        assertThat(parts.finishReason()).isEqualTo("tool_calls");
        assertThat(parts.error()).isNull();
        assertThat(parts.calls()).hasSize(1);
        assertThat(parts.calls().get(0).getType()).isEqualTo("function");
        assertThat(parts.calls().get(0).getId()).matches("call_[0-9a-f]{24}");
        assertThat(parts.calls().get(0).getFunction().getName()).isEqualTo("weather");
        assertThat(parts.calls().get(0).getFunction().getArguments())
                .isEqualTo("{\"city\": \"Ulm\"}");
        assertThat(hermes(request(), "{\"name\":\"now\",\"arguments\":{}}").error()).isNull();
    }

    @Test
    void whatIsNotValidStaysTextWithTheReason() {
        Map<String, String> faults =
                Map.of(
                        "{\"name\":\"rain\",\"arguments\":{}}",
                        "The call is of rain, but the tools are weather, now.",
                        "{\"name\":\"weather\",\"arguments\":{}}",
                        "The call of weather has arguments that its parameters do not allow, at"
                                + " their top by the keyword required (city).",
                        "{\"name\":\"weather\",\"arguments\":{\"city\":\"ulm\"}}",
                        "The call of weather has arguments that its parameters do not allow, at"
                                + " /city by the keyword pattern.",
                        "{\"name\":\"weather\",\"arguments\":{\"city\":\"Ulm\",\"days\":\"2\"}}",
                        "The call of weather has arguments that its parameters do not allow, at"
                                + " /days by the keyword type.",
                        "{\"name\":\"now\",\"arguments\":{\"a\":1}}",
                        "The call of now has arguments that its parameters do not allow, at their"
                                + " top by the keyword additionalProperties (a).",
                        "now",
                        "The call is no whole JSON.");
        faults.forEach(
                (call, fault) -> {
                    Parts parts = hermes(request(), call);
                    assertThat(parts.error()).isEqualTo(fault);
                    assertThat(parts.text())
                            .isEqualTo("Let me see. <tool_call>" + call + "</tool_call>");
                    assertThat(parts.calls()).isNull();
                    assertThat(parts.finishReason()).isEqualTo("stop");
                });
    }

    @Test
    void whatTheParametersCannotJudgeIsNoCall() {
        InferenceRequest endless = request();
        endless.setTools(
                "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"allOf\":[{\"$ref\":\"#\"}]}}}]");
        assertThat(hermes(endless, "{\"name\":\"f\",\"arguments\":{}}").error())
                .isEqualTo("The call of f has arguments that its parameters cannot judge.");
        InferenceRequest threes = request();
        threes.setTools(
                "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"x\":{\"multipleOf\":3}}}}}]");
        assertThat(hermes(threes, "{\"name\":\"f\",\"arguments\":{\"x\":1e999999999}}").error())
                .isEqualTo("The call of f has a number of more than 400 digits.");
        assertThat(hermes(threes, "{\"name\":\"f\",\"arguments\":{\"x\":9}}").error()).isNull();
    }

    @Test
    void marksThatAreSpecialTokensAreSeen() {
        Parts parts =
                read(
                        request(),
                        ToolFormat.MISTRAL,
                        Reasoning.NONE,
                        "So: [TOOL_CALLS]weather[ARGS]{\"city\":\"Ulm\"}[TOOL_CALLS]now[ARGS]{}");
        assertThat(parts.text()).isEqualTo("So:");
        assertThat(parts.calls())
                .extracting(call -> call.getFunction().getName())
                .containsExactly("weather", "now");
        assertThat(parts.calls()).allMatch(call -> call.getId().matches("[0-9a-f]{9}"));
        assertThat(parts.calls().get(0).getId()).isNotEqualTo(parts.calls().get(1).getId());
        Parts wrong =
                read(request(), ToolFormat.MISTRAL, Reasoning.NONE, "[TOOL_CALLS]rain[ARGS]{}");
        assertThat(wrong.text()).isEqualTo("[TOOL_CALLS]rain[ARGS]{}");
        assertThat(wrong.error()).isNotNull();
    }

    @Test
    void aTextThatAStopStringCutHasNoMarksBehindIt() {
        Parts parts =
                read(
                        request(),
                        ToolFormat.MISTRAL,
                        Reasoning.NONE,
                        "So END[TOOL_CALLS]now[ARGS]{}",
                        "So ");
        assertThat(parts).isEqualTo(new Parts("So ", "stop", null, null, null));
    }

    @Test
    void oneCallWhereOneIsAllowed() {
        InferenceRequest one = request();
        one.setParallelToolCalls(false);
        String now = "{\"name\":\"now\",\"arguments\":{}}";
        assertThat(hermes(one, now).calls()).hasSize(1);
        assertThat(hermes(one, now + "</tool_call><tool_call>" + now).error())
                .isEqualTo("The call is one of 2, but parallel_tool_calls is false.");
    }

    @Test
    void withoutToolsOrWithTheChoiceNoneATextIsAText() {
        String call = "{\"name\":\"now\",\"arguments\":{}}";
        InferenceRequest none = request();
        none.setToolChoice("none");
        InferenceRequest without = request();
        without.setTools(null);
        for (InferenceRequest request : List.of(none, without)) {
            assertThat(hermes(request, call))
                    .isEqualTo(
                            new Parts(
                                    "Let me see. <tool_call>" + call + "</tool_call>",
                                    "stop",
                                    null,
                                    null,
                                    null));
        }
    }

    @Test
    void reasoningIsAPartOfItsOwn() {
        InferenceRequest plain = request();
        plain.setTools(null);
        Map<String, String[]> answers =
                Map.of(
                        "<think>\nTwo and two.\n</think>\n\nFour.",
                                new String[] {"Two and two.", "Four."},
                        "Two and two.\n</think>Four.", new String[] {"Two and two.", "Four."},
                        "<think>Two and", new String[] {"Two and", ""},
                        "<think></think>Four.", new String[] {"", "Four."},
                        "Four.", new String[] {null, "Four."});
        answers.forEach(
                (answer, parts) -> {
                    Parts read = read(plain, ToolFormat.HERMES, Reasoning.THINK, answer);
                    assertThat(read.reasoning()).as(answer).isEqualTo(parts[0]);
                    assertThat(read.text()).as(answer).isEqualTo(parts[1]);
                });
        Parts call =
                read(
                        request(),
                        ToolFormat.HERMES,
                        Reasoning.THINK,
                        "<think>a <tool_call> may help</think><tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>");
        assertThat(call.reasoning()).isEqualTo("a <tool_call> may help");
        assertThat(call.calls()).hasSize(1);
        assertThat(call.text()).isEmpty();
    }

    @Test
    void whatAConstraintSaysIsNoReasoning() {
        InferenceRequest json = request();
        json.setTools(null);
        json.setConstraint(new Constraint(null, ".*", null));
        assertThat(read(json, ToolFormat.NONE, Reasoning.THINK, "a</think>b").reasoning()).isNull();
        InferenceRequest prompt = request();
        prompt.setTools(null);
        prompt.setMessages(null);
        prompt.setPrompt("hi");
        assertThat(read(prompt, ToolFormat.NONE, Reasoning.THINK, "a</think>b").reasoning())
                .isNull();
    }
}
