package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.inbound;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import io.millrace.operators.SteeredEngine;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.ToolCall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tools, with the model that ships and a chat template that reads them. */
@Timeout(60)
class InferenceOperatorToolTest extends InferenceOperatorFixture {
    private static final String TEMPLATE =
            "{% for tool in tools or [] %}{{ tool | tojson }}\n{% endfor %}"
                    + "{% for m in messages %}{{ m.role }}: {{ m.content }}"
                    + "{% for call in m.tool_calls or [] %}<tool_call>{{ call.function.arguments.city }}"
                    + "{% endfor %}\n{% endfor %}";

    private static final String TOOLS =
            """
            [{"type":"function","function":{"name":"weather","parameters":{"type":"object",
              "properties":{"city":{"type":"string","maxLength":12},"days":{"$ref":"#/$defs/few"}},
              "required":["city","days"],"additionalProperties":false,
              "$defs":{"few":{"type":"integer","minimum":1,"maximum":9}}}}},
             {"type":"function","function":{"name":"note","parameters":{"type":"object",
              "properties":{"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":3}},
              "required":["tags"]}}}]
            """;

    @TempDir Path folder;

    private PipelineOptions.Builder options(ToolFormat format, Map<EngineOption, ?> more)
            throws IOException {
        if (!Files.exists(folder.resolve("chat_template.jinja"))) {
            try (Stream<Path> files = Files.list(Path.of("../models/triage"))) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    Files.createSymbolicLink(
                            folder.resolve(file.getFileName()), file.toAbsolutePath());
                }
            }
            Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
        }
        Map<EngineOption, Object> all = new TreeMap<>(more);
        all.put(EngineOption.MODEL, folder.toString());
        all.put(EngineOption.MODEL_NAME, name);
        all.put(EngineOption.DEVICE, EngineOptions.Device.CPU);
        all.put(EngineOption.MAX_MODEL_LEN, 600);
        all.put(EngineOption.TOOL_FORMAT, format);
        EngineOptions engine = EngineOptions.of(all, EngineOptions.of("x").names());
        return PipelineOptions.builder(engine, SteeredEngine.loader());
    }

    private static Inbound.Request chat(String id, String choice) {
        return inbound(
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setMessages(
                                List.of(
                                        new ChatMessage(
                                                "user", "And " + id + "?", null, null, null, null)))
                        .setTools(TOOLS)
                        .setToolChoice(choice)
                        .setTemperature(1.0)
                        .setMaxTokens(64)
                        .build());
    }

    private static Inbound[] chats() {
        return new Inbound[] {
            chat("free", null),
            chat("any", "required"),
            chat("named", "weather"),
            chat("other", "note"),
            chat("without", "none")
        };
    }

    private static Map<String, Completion> answers(InferenceHarness harness) throws Exception {
        harness.runUntilOutcomes(5);
        Map<String, Completion> answers = new TreeMap<>();
        for (Outcome one : harness.outcomes()) {
            assertThat(one).isInstanceOf(Outcome.Answered.class);
            answers.put(TestingRequests.id(one), completion(one));
        }
        return answers;
    }

    private static void isCall(Completion answer, String... names) throws Exception {
        assertThat(answer.getToolCallError()).as(answer.getText()).isNull();
        assertThat(answer.getText()).isEmpty();
        assertThat(answer.getFinishReason()).isEqualTo("tool_calls");
        ToolCall call = answer.getToolCalls().get(0);
        assertThat(call.getFunction().getName()).isIn((Object[]) names);
        JsonNode arguments = new JsonMapper().readTree(call.getFunction().getArguments());
        if (call.getFunction().getName().equals("weather")) {
            assertThat(arguments.get("city").isTextual()).isTrue();
            assertThat(arguments.get("days").asInt()).isBetween(1, 9);
        } else {
            assertThat(arguments.get("tags").isArray()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"HERMES", "LLAMA3", "MISTRAL"})
    void aCallThatMustBeIsOneWhateverTheModelWouldSay(ToolFormat format) throws Exception {
        Map<String, Completion> answers;
        try (InferenceHarness harness = InferenceHarness.open(options(format, Map.of()).build())) {
            harness.send(chats());
            answers = answers(harness);
        }
        isCall(answers.get("any"), "weather", "note");
        isCall(answers.get("named"), "weather");
        isCall(answers.get("other"), "note");
        assertThat(answers.get("without").getToolCalls()).isNull();
    }

    @Test
    void callsAreTheSameAfterARestoreAndWhereSequencesArePreempted() throws Exception {
        Map<String, Completion> undisturbed;
        PipelineOptions hermes = options(ToolFormat.HERMES, Map.of()).build();
        try (InferenceHarness harness = InferenceHarness.open(hermes)) {
            harness.send(chats());
            undisturbed = answers(harness);
        }
        OperatorSubtaskState state;
        int before = control.added().size();
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(hermes)) {
            harness.send(chats());
            control.awaitAdded(before + 5);
            control.step(5);
            state = harness.snapshot();
        } finally {
            control.release();
        }
        try (InferenceHarness harness = InferenceHarness.open(hermes, 1, 0, state)) {
            assertThat(answers(harness)).isEqualTo(undisturbed);
        }
        undisturbed.forEach(
                (id, answer) ->
                        assertThat(control.decoded(id))
                                .as("tokens of %s, undisturbed and in two lives", id)
                                .isEqualTo(2 * answer.getTokenIds().size()));
        Map<EngineOption, Object> tight =
                Map.of(
                        EngineOption.MAX_BATCHED_TOKENS,
                        54,
                        EngineOption.BLOCK_SIZE,
                        8,
                        EngineOption.KV_CACHE_BYTES,
                        5L << 20);
        try (InferenceHarness harness =
                InferenceHarness.open(options(ToolFormat.HERMES, tight).build())) {
            harness.send(chats());
            assertThat(answers(harness)).isEqualTo(undisturbed);
        }
    }

    @Test
    void underOtherToolsOfTheJobConversationsThatHadThemStartOver() throws Exception {
        Inbound.Request chat = chat("c", "required");
        chat.request().setTools(null);
        String note = TOOLS.replace("\"weather\"", "\"rain\"");
        OperatorSubtaskState state;
        control.hold();
        try (InferenceHarness harness =
                InferenceHarness.open(options(ToolFormat.HERMES, Map.of()).tools(TOOLS).build())) {
            harness.send(chat);
            control.awaitAdded(1);
            control.step(5);
            state = harness.snapshot();
        } finally {
            control.release();
        }
        try (InferenceHarness harness =
                InferenceHarness.open(
                        options(ToolFormat.HERMES, Map.of()).tools(note).build(), 1, 0, state)) {
            harness.runUntilOutcomes(1);
            Completion answer = completion(harness.outcomes().get(0));
            assertThat(answer.getToolCalls().get(0).getFunction().getName()).isIn("rain", "note");
            assertThat(control.decoded("c")).isEqualTo(answer.getTokenIds().size() + 5);
        }
    }

    @Test
    void aConversationsCallsAreObjectsForItsTemplate() throws Exception {
        Inbound.Request chat = chat("c", null);
        chat.request()
                .setMessages(
                        List.of(
                                new ChatMessage(
                                        "assistant",
                                        "",
                                        "[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"weather\","
                                                + "\"arguments\":\"{\\\"city\\\":\\\"Ulm\\\"}\"}}]",
                                        null,
                                        null,
                                        null)));
        Inbound.Request same = chat("c", null);
        same.request()
                .setMessages(
                        List.of(
                                new ChatMessage(
                                        "assistant", "<tool_call>Ulm", null, null, null, null)));
        try (InferenceHarness harness =
                InferenceHarness.open(options(ToolFormat.HERMES, Map.of()).build())) {
            harness.send(chat, same);
            harness.runUntilOutcomes(2);
            assertThat(completion(harness.outcomes().get(0)))
                    .isEqualTo(completion(harness.outcomes().get(1)));
        }
    }
}
