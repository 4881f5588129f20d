package io.millrace.operators.corpus.format.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.operators.tool.AnswerText;
import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What an answer needs of a result, staged as JSON until its file is written.
 *
 * @param id the request's
 */
public record AnsweredRequest(
        String id,
        String model,
        String fingerprint,
        int promptTokens,
        int completionTokens,
        List<Choice> choices) {
    static final String TOOL_CALLS = "tool_calls";
    static final String REASONING = "reasoning_content";
    private static final JsonMapper MAPPER = new JsonMapper();

    /**
     * One completion.
     *
     * @param toolCalls the calls as OpenAI has them; null for none
     * @param reasoning null for none
     */
    record Choice(String text, String finishReason, JsonNode toolCalls, String reasoning) {}

    /** A result as it is staged. */
    public static String json(InferenceResult result) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("id", result.getId());
            json.writeStringField("model", result.getModel());
            json.writeStringField("fingerprint", result.getModelFingerprint());
            json.writeNumberField("prompt_tokens", result.getUsage().getPromptTokens());
            json.writeNumberField("completion_tokens", result.getUsage().getCompletionTokens());
            json.writeArrayFieldStart("choices");
            for (Completion completion : result.getCompletions()) {
                json.writeStartObject();
                json.writeStringField("text", Text.writable(completion.getText()));
                json.writeStringField("finish_reason", completion.getFinishReason());
                writeParts(json, completion);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("There is no writing to memory.", e);
        }
        return text.toString();
    }

    private static void writeParts(JsonGenerator json, Completion completion) throws IOException {
        if (completion.getReasoningContent() != null) {
            json.writeStringField(REASONING, Text.writable(completion.getReasoningContent()));
        }
        if (completion.getToolCalls() != null) {
            AnswerText.writeCalls(json, completion.getToolCalls());
        }
    }

    /** Reads what {@link #json} wrote. */
    static AnsweredRequest read(String json) {
        try {
            JsonNode result = MAPPER.readTree(json);
            List<Choice> choices = new ArrayList<>();
            for (JsonNode choice : result.get("choices")) {
                choices.add(
                        new Choice(
                                choice.get("text").textValue(),
                                choice.get("finish_reason").textValue(),
                                choice.get(TOOL_CALLS),
                                choice.path(REASONING).textValue()));
            }
            return new AnsweredRequest(
                    result.get("id").textValue(),
                    result.get("model").textValue(),
                    result.get("fingerprint").textValue(),
                    result.get("prompt_tokens").intValue(),
                    result.get("completion_tokens").intValue(),
                    choices);
        } catch (IOException e) {
            throw new UncheckedIOException("An answer that was staged cannot be read.", e);
        }
    }
}
