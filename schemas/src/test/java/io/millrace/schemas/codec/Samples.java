package io.millrace.schemas.codec;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.Completion;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.TokenLogprobs;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.TopLogprob;
import io.millrace.schemas.Usage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Records with every field set, and small ones. Frozen bytes depend on them. */
final class Samples {

    private Samples() {}

    static InferenceRequest smallRequest() {
        return InferenceRequest.newBuilder().setId("1").setPrompt("hi").build();
    }

    static InferenceRequest fullRequest() {
        return InferenceRequest.newBuilder()
                .setId("order-17")
                .setPrompt("Grüße, 世界 😀\n\"quoted\"\u0001")
                .setMessages(
                        List.of(
                                new ChatMessage("system", "Be brief.", null, null, null, null),
                                new ChatMessage("user", "", null, null, null, null),
                                new ChatMessage(
                                        "assistant",
                                        "",
                                        "[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]",
                                        null,
                                        null,
                                        "why"),
                                new ChatMessage("tool", "17", null, "call_1", "f", null)))
                .setPromptTokenIds(List.of(0, 1, 17, Integer.MAX_VALUE))
                .setModel("triage")
                .setMaxTokens(54)
                .setTemperature(0.7)
                .setTopP(0.95)
                .setTopK(40)
                .setMinP(1.0e-5)
                .setRepetitionPenalty(1.1)
                .setPresencePenalty(-2.0)
                .setFrequencyPenalty(0.0)
                .setSeed(Long.MIN_VALUE)
                .setStop(List.of("\n\n", "END"))
                .setStopTokenIds(List.of(2))
                .setIgnoreEos(true)
                .setN(3)
                .setLogprobs(5)
                .setChatTemplateKwargs("{\"enable_thinking\": false, \"date_string\": \"5 May\"}")
                .setTools("[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]")
                .setToolChoice("f")
                .setParallelToolCalls(false)
                .setMinTokens(3)
                .setSuppressTokens(List.of(1, 97))
                .setLogitBias(Map.of("17", -100.0, "54", 0.5, "0", 1.0e-5))
                .setConstraint(
                        new Constraint(List.of("ham", "spam"), "h.*", "{\"type\":\"object\"}"))
                .setPriority(-1)
                .setDeadlineMs(1_800_000_000_000L)
                .setRoutingKey("tenant-97")
                .setMetadata(Map.of("b", "2", "a", "1", "c", ""))
                .build();
    }

    /** As far as that version of the schema has fields for it. */
    static InferenceRequest fullRequest(int version) {
        InferenceRequest request = fullRequest();
        if (version < 2) {
            request.setMinTokens(null);
            request.setSuppressTokens(null);
            request.setLogitBias(null);
        }
        if (version < 3) {
            request.setChatTemplateKwargs(null);
            request.setTools(null);
            request.setToolChoice(null);
            request.setParallelToolCalls(null);
            request.setMessages(request.getMessages().subList(0, 2));
        }
        return request;
    }

    /** As far as that version of the schema has fields for it. */
    static InferenceResult fullResult(int version) {
        InferenceResult result = fullResult();
        if (version < 2) {
            Completion first = result.getCompletions().get(0);
            first.setToolCalls(null);
            first.setReasoningContent(null);
            result.getCompletions().get(1).setToolCallError(null);
        }
        return result;
    }

    static InferenceResult fullResult() {
        Completion scored =
                new Completion(
                        0,
                        "ham: Hello",
                        List.of(5, 17, 2),
                        "stop",
                        List.of(
                                new TokenLogprobs(
                                        5,
                                        -0.1f,
                                        List.of(
                                                new TopLogprob(5, -0.1f),
                                                new TopLogprob(9, -3.4028235E38f))),
                                new TokenLogprobs(17, 0.0f, List.of())),
                        List.of(new ToolCall("call_1", "function", new FunctionCall("f", "{}"))),
                        null,
                        "why");
        return InferenceResult.newBuilder()
                .setId("order-17")
                .setModel("triage")
                .setModelFingerprint("a1b2c3")
                .setCompletions(
                        List.of(
                                scored,
                                new Completion(
                                        1, "", List.of(), "length", null, null, "cut", null)))
                .setUsage(new Usage(97, 3))
                .setMetadata(Map.of("b", "2", "a", "1"))
                .build();
    }

    static InferenceFailure fullFailure() {
        return failure("{\"id\":\"1\"".getBytes(StandardCharsets.UTF_8));
    }

    static InferenceFailure failure(byte[] original) {
        return InferenceFailure.newBuilder()
                .setId("1")
                .setTopic("prompts")
                .setPartition(3)
                .setOffset(1023)
                .setCode("unreadable")
                .setMessage("not valid JSON")
                .setOriginal(ByteBuffer.wrap(original))
                .setOriginalLength(original.length)
                .setOriginalSha256("00ff")
                .build();
    }
}
